"""Other indexes on the same vectors, one thread: `ann_peers.py FOLDER`.

FOLDER holds `vectors.f32`, `pictures.f32` and `texts.f32` (rows of `dim` little-endian floats) and `dim.txt`. Of each package that is
installed (hnswlib, faiss) a JSON object a line: the fewest candidates with a recall@10 of 0.99, the queries a second with them, the
median of three passes.
"""

import json
import pathlib
import sys
import time

import numpy

K, PASSES, WANTED = 10, 3, 0.99
CANDIDATES = [10, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 256, 320, 384, 512]
CANDIDATES += [640, 768, 1024]


def exact(vectors, queries):
    rows = [numpy.argpartition(-(vectors @ query), K - 1)[:K] for query in queries]
    return [set(row.tolist()) for row in rows]


def measured(engine, kind, queries, truth, search, build_seconds):
    for candidates in CANDIDATES:
        passes = []
        for _ in range(PASSES):
            start = time.perf_counter()
            found = [search(query, candidates) for query in queries]
            passes.append(time.perf_counter() - start)
        hits = sum(len(set(map(int, row)) & true) for row, true in zip(found, truth))
        recall = hits / (K * len(queries))
        if recall >= WANTED or candidates == CANDIDATES[-1]:
            rate = len(queries) / sorted(passes)[PASSES // 2]
            row = dict(engine=engine, queries=kind, candidates=candidates, recall=recall)
            row.update(queries_per_second=rate, build_seconds=build_seconds)
            print(json.dumps(row), flush=True)
            return


def hnswlib_search(vectors):
    import hnswlib

    index = hnswlib.Index("ip", vectors.shape[1])
    index.init_index(len(vectors), ef_construction=200, M=16)
    index.add_items(vectors, num_threads=-1)
    index.set_num_threads(1)

    def search(query, candidates):
        index.set_ef(max(candidates, K))
        return index.knn_query(query, K)[0][0]

    return search


def faiss_search(vectors):
    import faiss

    index = faiss.IndexHNSWFlat(vectors.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 200
    index.add(vectors)
    faiss.omp_set_num_threads(1)

    def search(query, candidates):
        index.hnsw.efSearch = max(candidates, K)
        return index.search(query[None], K)[1][0]

    return search


def main():
    folder = pathlib.Path(sys.argv[1])
    dim = int((folder / "dim.txt").read_text())
    read = lambda name: numpy.fromfile(folder / f"{name}.f32", "<f4").reshape(-1, dim)
    vectors = read("vectors")
    kinds = [(kind, read(kind)) for kind in ("pictures", "texts")]
    truths = [exact(vectors, queries) for _, queries in kinds]
    for engine, make in (("hnswlib", hnswlib_search), ("faiss", faiss_search)):
        try:
            start = time.perf_counter()
            search = make(vectors)
            build_seconds = time.perf_counter() - start
        except ImportError:
            print(json.dumps(dict(engine=engine, missing=True)), flush=True)
            continue
        for (kind, queries), truth in zip(kinds, truths):
            measured(engine, kind, queries, truth, search, build_seconds)


main()
