#!/usr/bin/env python3
"""The networks of a tag2text-mini bundle in PyTorch f32, for comparison with `cargo bench --bench encode`.

    pip install torch numpy safetensors
    python benches/pytorch_encode.py models/tag2text-mini --threads 2

Prints pictures a second of image encoder + aligner + tagger on random pixels in batches of 16, and the milliseconds of one
sentence of 12 tokens; medians of repeated runs.
"""

import argparse
import json
import math
import pathlib
import statistics
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

# Repeats, kernel, stride and expansion of Lite0's stages.
STAGES = [(1, 3, 1, 1), (2, 3, 2, 6), (2, 5, 2, 6), (3, 3, 2, 6), (3, 5, 1, 6), (4, 5, 2, 6), (1, 3, 1, 6)]


def values(file):
    """Weights in f32; most are integers with a scale a row, their low bits in planes (src/models/quantised.rs)."""
    for name, tensor in file.items():
        matrix, _, part = name.rpartition(".")
        if part in ("low", "scale") and f"{matrix}.low" in file:
            continue
        if tensor.dtype == torch.int8:
            low, whole = file[f"{name}.low"].int(), tensor.int()
            bits = (low[:, :, None] >> torch.arange(8) & 1).flatten(1)[:, : tensor.numel()]
            for plane in reversed(bits):
                whole = whole * 2 + plane.view_as(tensor)
            tensor = whole * file[f"{name}.scale"]
        yield name, tensor.float()


class Bundle:
    def __init__(self, folder):
        files = [load_file(folder / f"{name}.safetensors") for name in ("backbones", "heads")]
        self.w = {name: tensor for file in files for name, tensor in values(file)}
        self.c = json.loads((folder / "manifest.json").read_text())
        # The Lite variants repeat the first and last stage as often as Lite0 does.
        depth = self.c["image_encoder"]["depth_coefficient"]
        inner = [math.ceil(repeats * depth) for repeats, *_ in STAGES[1:-1]]
        self.repeats = [1, *inner, 1]

    def linear(self, name, x):
        return F.linear(x, self.w[f"{name}.weight"].T, self.w[f"{name}.bias"])

    def norm(self, name, x, eps=1e-12):
        return F.layer_norm(x, x.shape[-1:], self.w[f"{name}.weight"], self.w[f"{name}.bias"], eps)

    def conv(self, name, x, stride=1, groups=1):
        weight = self.w[f"image_encoder.{name}.weight"]
        kernel, size = weight.shape[-1], x.shape[-1]
        pad = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        if pad:
            x = F.pad(x, (pad // 2, pad - pad // 2) * 2)
        return F.conv2d(x, weight, self.w[f"image_encoder.{name}.bias"], stride, groups=groups)

    def grid(self, x):
        x = F.relu6(self.conv("stem", x, 2))
        block = 0
        for repeats, (_, _, stride, expansion) in zip(self.repeats, STAGES):
            for repeat in range(repeats):
                y = x
                if expansion != 1:
                    y = F.relu6(self.conv(f"blocks.{block}.expand", y))
                y = F.relu6(self.conv(f"blocks.{block}.depthwise", y, stride if repeat == 0 else 1, y.shape[1]))
                y = self.conv(f"blocks.{block}.project", y)
                x = x + y if y.shape == x.shape else y
                block += 1
        return F.relu6(self.conv("head", x)).flatten(2).transpose(1, 2)

    def attention(self, prefix, queries, tokens, heads):
        def split(t):
            return t.view(t.shape[0], t.shape[1], heads, -1).transpose(1, 2)

        q = split(self.linear(f"{prefix}.self.query", queries)).expand(tokens.shape[0], -1, -1, -1)
        k, v = (split(self.linear(f"{prefix}.self.{n}", tokens)) for n in ("key", "value"))
        out = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return self.linear(f"{prefix}.output.dense", out)

    def images(self, pixels):
        grid = self.grid(pixels)
        mean = grid.mean(1)
        classes = self.linear("classifier", mean).softmax(-1)
        meaning = classes @ self.w["class_names"] * self.w["class_names"].shape[1] ** 0.5
        pooled = torch.cat([mean, grid.topk(8, 1).values.mean(1), meaning], 1)
        if self.c["aligner"].get("standardised"):
            rooted = 2 * mean.shape[1]
            pooled = torch.cat([pooled[:, :rooted].sqrt(), pooled[:, rooted:]], 1)
            pooled = (pooled - self.w["aligner.image_statistics.mean"]) * self.w["aligner.image_statistics.scale"]
        hidden = F.gelu(self.linear("aligner.image_hidden", self.norm("aligner.image_norm", pooled, 1e-5)))
        embedding = F.normalize(self.linear("aligner.image_output", hidden), dim=1)
        tokens = self.norm("tagger.token_norm", self.linear("tagger.token_projection", torch.cat([mean[:, None], grid], 1)))
        x = self.w["tagger.label_embed"][None]
        for layer in range(self.c["tagger"]["num_hidden_layers"]):
            p = f"tagger.layer.{layer}"
            x = x + self.attention(f"{p}.crossattention", x, tokens, self.c["tagger"]["num_attention_heads"])
            x = self.norm(f"{p}.crossattention.output.LayerNorm", x)
            y = self.linear(f"{p}.output.dense", F.gelu(self.linear(f"{p}.intermediate.dense", x)))
            x = self.norm(f"{p}.output.LayerNorm", x + y)
        logits = (x * self.w["tagger.fc.weight"]).sum(-1) + self.w["tagger.fc.bias"]
        return embedding, logits + self.w["tagger.name_scale"] * (embedding @ self.w["tag_names"])

    def states(self, ids):
        p = "text_encoder"
        x = self.w[f"{p}.embeddings.word_embeddings.weight"][ids] + self.w[f"{p}.embeddings.position_embeddings.weight"][: ids.shape[1]]
        x = self.norm(f"{p}.embeddings.LayerNorm", x)
        heads = self.c["text_encoder"]["num_attention_heads"]
        for layer in range(self.c["text_encoder"]["num_hidden_layers"]):
            q = f"{p}.encoder.layer.{layer}"
            split = [self.linear(f"{q}.attention.self.{n}", x).view(*x.shape[:2], heads, -1).transpose(1, 2) for n in ("query", "key", "value")]
            context = F.scaled_dot_product_attention(*split).transpose(1, 2).flatten(2)
            x = self.norm(f"{q}.attention.output.LayerNorm", x + self.linear(f"{q}.attention.output.dense", context))
            hidden = F.gelu(self.linear(f"{q}.intermediate.dense", x))
            x = self.norm(f"{q}.output.LayerNorm", x + self.linear(f"{q}.output.dense", hidden))
        return x

    def text(self, ids):
        features = self.states(ids).mean(1)
        if self.c["aligner"].get("words"):
            weights = self.w["aligner.word_weights"][ids][..., None]
            words = self.w["text_encoder.embeddings.word_embeddings.weight"][ids]
            words = F.layer_norm(words, words.shape[-1:], eps=1e-5)
            mean = (words * weights).sum(1) / weights.sum(1).clamp(min=1e-6)
            features = torch.cat([features, 0.5 * mean], 1)
        return F.normalize(self.linear("aligner.text_output", features), dim=1)


def median(run, repeats):
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    bundle = Bundle(args.bundle)
    side = bundle.c["image_encoder"]["image_size"]
    pixels = torch.rand(16, 3, side, side) * 2 - 1
    sentence = torch.randint(1000, 20000, (1, 12))
    with torch.inference_mode():
        images = median(lambda: bundle.images(pixels), 9)
        backbone = median(lambda: bundle.grid(pixels), 9)
        text = median(lambda: bundle.text(sentence), 21)
    print(json.dumps({"images_per_second": 16 / images, "backbone_images_per_second": 16 / backbone, "text_ms": 1000 * text}))


if __name__ == "__main__":
    main()
