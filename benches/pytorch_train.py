#!/usr/bin/env python3
"""One training step of each head in PyTorch f32, for comparison with what `imgsearch train run` says of its throughput.

    pip install torch
    python benches/pytorch_train.py --threads 2

The graphs, batches and optimiser (AdamW, gradients clipped) are those of `examples/train.toml`; inputs are random, as the time
does not depend on them. Prints items a second of each stage, medians of repeated steps: captions for alignment, pictures for
tagging, pictures that begin a group for matching.
"""

import argparse
import json
import statistics
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

CHANNELS, TOKENS, SENTENCE, WORDS = 1280, 65, 384, 21


def attention(queries, keys, values, heads):
    def split(x):
        return x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)

    out = F.scaled_dot_product_attention(split(queries), split(keys), split(values))
    return out.transpose(1, 2).flatten(2)


class Attention(nn.Module):
    def __init__(self, width, source, heads):
        super().__init__()
        self.query, self.output = nn.Linear(width, width), nn.Linear(width, width)
        self.key, self.value = nn.Linear(source, width), nn.Linear(source, width)
        self.norm, self.heads = nn.LayerNorm(width), heads

    def forward(self, x, source):
        seen = attention(self.query(x), self.key(source), self.value(source), self.heads)
        return self.norm(x + self.output(seen))


class FeedForward(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.inner, self.output, self.norm = nn.Linear(width, inner), nn.Linear(inner, width), nn.LayerNorm(width)

    def forward(self, x):
        return self.norm(x + self.output(F.gelu(self.inner(x))))


class Alignment(nn.Module):
    """512 captions and 256 classes."""

    items, rows = 512, 768

    def __init__(self):
        super().__init__()
        features = 2 * CHANNELS + SENTENCE
        self.image = nn.Sequential(nn.LayerNorm(features), nn.Dropout(0.3), nn.Linear(features, 512), nn.GELU(), nn.Dropout(0.5), nn.Linear(512, 256))
        self.text, self.scale = nn.Linear(2 * SENTENCE, 256), nn.Parameter(torch.tensor(2.66))
        self.inputs = torch.rand(self.rows, features), torch.randn(self.rows, 2 * SENTENCE)
        self.target = torch.eye(self.rows)

    def forward(self):
        image, text = F.normalize(self.image(self.inputs[0]), dim=1), F.normalize(self.text(self.inputs[1]), dim=1)
        logits = image @ text.T * self.scale.exp()
        return -(self.target * (logits.log_softmax(1) + logits.T.log_softmax(1))).sum(1).mean() / 2


class Tagging(nn.Module):
    """32 pictures, 320 of 1,939 tags, two layers."""

    items, tags, width = 32, 320, 192

    def __init__(self):
        super().__init__()
        width = self.width
        self.tokens, self.norm = nn.Linear(CHANNELS, width), nn.LayerNorm(width)
        self.tables = nn.ParameterList([torch.zeros(1939, width), torch.zeros(1939, width), torch.zeros(1939, 3)])
        self.maps = nn.ModuleList([nn.Linear(256, width), nn.Linear(256, width)])
        self.layers = nn.ModuleList([m for _ in range(2) for m in (Attention(width, width, 4), FeedForward(width, 384))])
        self.inputs = torch.rand(self.items, TOKENS, CHANNELS), torch.randn(self.tags, 256), torch.randn(2, self.items, self.tags)
        self.chosen, self.target = torch.randperm(1939)[: self.tags], (torch.rand(self.items, self.tags) < 0.02).float()

    def forward(self):
        tokens, names, evidence = self.inputs
        tokens = self.norm(self.tokens(F.dropout(tokens, 0.1)))
        queries, weight = (table[self.chosen] + m(names) for table, m in zip(self.tables, self.maps))
        scalars = self.tables[2][self.chosen].T
        x = queries.expand(self.items, -1, -1)
        for attend, feed in zip(self.layers[::2], self.layers[1::2]):
            x = feed(attend(x, tokens))
        logits = (x * weight).sum(2) + scalars[0] + evidence[0] * scalars[1] + evidence[1] * scalars[2]
        p = logits.sigmoid()
        absent = (1 - p + 0.05).clamp(max=1)
        loss = self.target * p.clamp(min=1e-8).log() + (1 - self.target) * absent.clamp(min=1e-8).log() * (1 - absent) ** 7
        return -loss.sum()


class Matching(nn.Module):
    """32 groups of four pictures and four captions, each picture with each caption of its group; four layers. What no pair needs
    is left out as it is in the program: the lowest self-attention is one a caption, the uppermost layer has one token."""

    items, size, layers, width, kept = 32, 4, 4, 384, 256

    def __init__(self):
        super().__init__()
        self.tokens, self.norm, self.head = nn.Linear(CHANNELS, self.kept), nn.LayerNorm(self.kept), nn.Linear(self.width, 2)
        self.places = nn.Parameter(0.02 * torch.randn(TOKENS, self.kept))
        self.own = nn.ModuleList([Attention(self.width, self.width, 12) for _ in range(self.layers)])
        self.cross = nn.ModuleList([Attention(self.width, self.kept, 12) for _ in range(self.layers)])
        self.feed = nn.ModuleList([FeedForward(self.width, 1536) for _ in range(self.layers)])
        pictures = self.items * self.size
        self.inputs = torch.rand(pictures, TOKENS, CHANNELS), torch.randn(pictures, WORDS, self.width)
        self.target = torch.eye(self.size).expand(self.items, -1, -1)

    def forward(self):
        tokens = self.norm(self.tokens(F.dropout(self.inputs[0], 0.1).sqrt()) + self.places)
        x = F.dropout(self.inputs[1], 0.1)
        for i, (own, cross, feed) in enumerate(zip(self.own, self.cross, self.feed)):
            x = own(x[:, :1] if i + 1 == self.layers else x, x)
            if i == 0:
                x = x.view(self.items, 1, self.size, WORDS, -1).expand(-1, self.size, -1, -1, -1).flatten(0, 2)
            # The four captions of a picture are one sequence to it, so that its keys and values are not repeated.
            looking = x.view(len(tokens), -1, self.width)
            x = feed(cross(looking, tokens).view_as(x))
        logits = self.head(x[:, 0])
        lead = (logits[:, 1] - logits[:, 0]).view(self.items, self.size, self.size)
        return -(self.target * (lead.log_softmax(1) + lead.log_softmax(2))).sum(1).mean() / 2


def median(module, repeats):
    optimiser = torch.optim.AdamW(module.parameters(), lr=1e-4, weight_decay=0.05)
    times = []
    for _ in range(repeats + 2):
        start = time.perf_counter()
        optimiser.zero_grad()
        module().backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimiser.step()
        times.append(time.perf_counter() - start)
    return module.items / statistics.median(times[2:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(json.dumps({stage.__name__.lower(): round(median(stage(), 15), 1) for stage in (Alignment, Tagging, Matching)}))


if __name__ == "__main__":
    main()
