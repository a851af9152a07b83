"""The search of rclip over the same vectors, its text encoder left out: `rclip_search.py FOLDER [SEARCHES]`.

FOLDER holds `vectors.f32` (rows of `dim` little-endian floats) and `dim.txt`, as `IMGSEARCH_BENCH_VECTORS=FOLDER cargo bench --bench search`
leaves them. Needs the package `rclip`; its database is made in FOLDER. A search looks for 20 pictures.
"""

import pathlib
import statistics
import sys
import time

import numpy
from rclip import db, main

folder = pathlib.Path(sys.argv[1])
searches = int(sys.argv[2]) if len(sys.argv) > 2 else 11
dim = int((folder / "dim.txt").read_text())
vectors = numpy.fromfile(folder / "vectors.f32", numpy.float32).reshape(-1, dim)


class Sentence:
    """A model whose sentences cost nothing."""

    def compute_features_for_queries(self, queries):
        return vectors[7] * len(queries)


database = folder / "rclip.db"
database.unlink(missing_ok=True)
base = db.DB(database)
for at, vector in enumerate(vectors):
    row = dict(filepath=f"/photos/{at}.jpg", modified_at=0.0, size=1, vector=vector.tobytes(), hash=None)
    base.upsert_image(row, commit=False)
base.commit()
rclip = main.RClip(Sentence(), base, 8, None)
assert rclip.search("dogs", "/photos", 20)[0].filepath == "/photos/7.jpg"
passes = []
for _ in range(searches):
    start = time.perf_counter()
    rclip.search("dogs", "/photos", 20)
    passes.append(1000 * (time.perf_counter() - start))
median, least, most = statistics.median(passes), min(passes), max(passes)
print(f"{len(vectors)} pictures, {searches} searches: median {median:.1f} ms ({least:.1f} to {most:.1f})")
