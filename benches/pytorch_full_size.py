#!/usr/bin/env python3
"""The full-size networks in PyTorch f32, for comparison with `IMGSEARCH_FULL_SIZE=FOLDER cargo bench --bench encode -- full_size`.

    pip install torch numpy
    python benches/pytorch_full_size.py --threads 2

Weights are random: the time does not depend on them. Prints the medians, in milliseconds, of one picture tagged by Tag2Text
(Swin-B of 384 pixels, 3,429 tags), one picture through BLIP's ViT-B of 384 pixels, one sentence of 35 tokens, and one pair of
that sentence and a picture whose tokens are there already.
"""

import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as F

WINDOW = 12


class Linear:
    def __init__(self, inputs, outputs, bias=True):
        self.weight = torch.randn(outputs, inputs) * inputs**-0.5
        self.bias = torch.zeros(outputs) if bias else None

    def __call__(self, x):
        return F.linear(x, self.weight, self.bias)


class Norm:
    def __init__(self, width, epsilon):
        self.weight, self.bias, self.epsilon = torch.ones(width), torch.zeros(width), epsilon

    def __call__(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.epsilon)


def heads_of(x, heads):
    return x.view(*x.shape[:2], heads, -1).transpose(1, 2)


def attend(q, k, v, heads, mask=None):
    q, k, v = (heads_of(x, heads) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2)


class PreNorm:
    """A transformer block of an image encoder: the norms come first."""

    def __init__(self, width, heads, epsilon):
        self.heads = heads
        self.norm1, self.norm2 = Norm(width, epsilon), Norm(width, epsilon)
        self.qkv, self.proj = Linear(width, 3 * width), Linear(width, width)
        self.fc1, self.fc2 = Linear(width, 4 * width), Linear(4 * width, width)

    def attention(self, x, mask=None):
        return self.proj(attend(*self.qkv(x).chunk(3, -1), self.heads, mask))

    def __call__(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class WindowBlock(PreNorm):
    def __init__(self, width, heads, grid, shift):
        super().__init__(width, heads, 1e-5)
        self.grid, self.shift = grid, shift
        area = WINDOW * WINDOW
        self.bias = torch.randn(1, heads, area, area)
        if shift:
            regions = torch.zeros(1, grid, grid, 1)
            cuts = (slice(0, -WINDOW), slice(-WINDOW, -shift), slice(-shift, None))
            for row, rows in enumerate(cuts):
                for column, columns in enumerate(cuts):
                    regions[:, rows, columns] = 3 * row + column
            regions = self.windows(regions).squeeze(-1)
            self.bias = self.bias + (regions[:, None] != regions[:, :, None]).float()[:, None] * -100

    def windows(self, x):
        side = self.grid // WINDOW
        x = x.view(-1, side, WINDOW, side, WINDOW, x.shape[-1]).transpose(2, 3)
        return x.reshape(-1, WINDOW * WINDOW, x.shape[-1])

    def __call__(self, x):
        batch, tokens, width = x.shape
        y = self.norm1(x).view(batch, self.grid, self.grid, width)
        if self.shift:
            y = y.roll((-self.shift, -self.shift), (1, 2))
        y = self.attention(self.windows(y), self.bias)
        side = self.grid // WINDOW
        y = y.view(batch, side, side, WINDOW, WINDOW, width).transpose(2, 3).reshape(batch, self.grid, self.grid, width)
        if self.shift:
            y = y.roll((self.shift, self.shift), (1, 2))
        x = x + y.view(batch, tokens, width)
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class Swin:
    def __init__(self, width=128, depths=(2, 2, 18, 2), heads=(4, 8, 16, 32), grid=96):
        self.patch, self.patch_norm = torch.randn(width, 3, 4, 4), Norm(width, 1e-5)
        self.stages = []
        for stage, depth in enumerate(depths):
            shift = WINDOW // 2 if grid > WINDOW else 0
            blocks = [WindowBlock(width, heads[stage], grid, shift * (block % 2)) for block in range(depth)]
            last = stage + 1 == len(depths)
            merging = None if last else (Norm(4 * width, 1e-5), Linear(4 * width, 2 * width, bias=False))
            self.stages.append((grid, blocks, merging))
            if not last:
                width, grid = 2 * width, grid // 2
        self.norm = Norm(width, 1e-5)

    def __call__(self, pixels):
        x = self.patch_norm(F.conv2d(pixels, self.patch, stride=4).flatten(2).transpose(1, 2))
        for grid, blocks, merging in self.stages:
            for block in blocks:
                x = block(x)
            if merging:
                norm, reduction = merging
                y = x.view(x.shape[0], grid, grid, -1)
                parts = [y[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
                x = reduction(norm(torch.cat(parts, -1).flatten(1, 2)))
        x = self.norm(x)
        return torch.cat([x.mean(1, keepdim=True), x], 1)


class Attention:
    def __init__(self, width, encoder_width, heads):
        self.heads = heads
        self.query, self.key, self.value = Linear(width, width), Linear(encoder_width, width), Linear(encoder_width, width)
        self.output, self.norm = Linear(width, width), Norm(width, 1e-12)

    def __call__(self, x, tokens, mask=None):
        seen = attend(self.query(x), self.key(tokens), self.value(tokens), self.heads, mask)
        return self.norm(x + self.output(seen))


class PostNorm:
    """A layer of BERT, with the parts that are asked for."""

    def __init__(self, width, encoder_width, heads, self_attention):
        self.self_attention = Attention(width, width, 12) if self_attention else None
        self.cross = Attention(width, encoder_width, heads)
        self.intermediate, self.output, self.norm = Linear(width, 4 * width), Linear(4 * width, width), Norm(width, 1e-12)

    def __call__(self, x, tokens, mask=None):
        if self.self_attention:
            x = self.self_attention(x, x, mask)
        if tokens is not None:
            x = self.cross(x, tokens)
        return self.norm(x + self.output(F.gelu(self.intermediate(x))))


class Tagger:
    def __init__(self, tags=3429, width=768):
        self.swin = Swin()
        self.layers = [PostNorm(width, 1024, 4, self_attention=False) for _ in range(2)]
        self.labels, self.weight, self.bias = torch.randn(1, tags, width), torch.randn(1, tags, width), torch.zeros(tags)

    def __call__(self, pixels):
        tokens = self.swin(pixels)
        x = self.labels.expand(len(pixels), -1, -1)
        for layer in self.layers:
            x = layer(x, tokens)
        return ((x * self.weight).sum(-1) + self.bias).sigmoid()


class Vit:
    def __init__(self, width=768, depth=12, heads=12, side=384, patch=16):
        self.patch, self.class_token = torch.randn(width, 3, patch, patch), torch.randn(1, 1, width)
        self.bias, self.positions = torch.zeros(width), torch.randn(1, (side // patch) ** 2 + 1, width)
        self.blocks = [PreNorm(width, heads, 1e-6) for _ in range(depth)]
        self.norm, self.proj = Norm(width, 1e-6), Linear(width, 256)

    def __call__(self, pixels):
        x = F.conv2d(pixels, self.patch, self.bias, stride=self.patch.shape[-1]).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_token.expand(len(x), -1, -1), x], 1) + self.positions
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return F.normalize(self.proj(x[:, 0]), dim=-1), x


class Text:
    def __init__(self, width=768, layers=12, words=30524):
        self.words, self.positions, self.norm = torch.randn(words, width), torch.randn(512, width), Norm(width, 1e-12)
        self.layers = [PostNorm(width, width, 12, self_attention=True) for _ in range(layers)]
        self.proj, self.match = Linear(width, 256), Linear(width, 2)

    def hidden(self, ids, tokens):
        x = self.norm(self.words[ids] + self.positions[: ids.shape[1]])
        for layer in self.layers:
            x = layer(x, tokens)
        return x[:, 0]

    def features(self, ids):
        return F.normalize(self.proj(self.hidden(ids, None)), dim=-1)

    def matches(self, ids, tokens):
        return self.match(self.hidden(ids, tokens)).softmax(-1)


def median(run, repeats):
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with torch.inference_mode():
        pixels, ids = torch.randn(1, 3, 384, 384), torch.randint(1000, 20000, (1, 35))
        tagger, vit, text = Tagger(), Vit(), Text()
        tokens = vit(pixels)[1]
        figures = {
            "tags": median(lambda: tagger(pixels), 7),
            "swin": median(lambda: tagger.swin(pixels), 7),
            "vit": median(lambda: vit(pixels), 7),
            "text": median(lambda: text.features(ids), 21),
            "pair": median(lambda: text.matches(ids, tokens), 21),
        }
    print(json.dumps({name: round(value, 1) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
