"""Stands in for the stages of training: says in CALLS how it was called, and at FAILS_AT ends with FAILS_WITH."""

import json, os, sys
stage, arguments = sys.argv[1], sys.argv[2:]
work = arguments[arguments.index("--work") + 1]
with open(os.environ.get("CALLS", os.devnull), "a") as calls:
    calls.write(" ".join(sys.argv[1:]).replace(work, "WORK") + "\n")
if stage in ("evaluate", "kubeflow") or stage == os.environ.get("FAILS_AT"):
    os.makedirs(work + "/report", exist_ok=True)
    with open(work + "/report/verdict.md", "w") as verdict:
        verdict.write("# Better\nby 1 %\n")
if stage == os.environ.get("FAILS_AT"):
    sys.exit(int(os.environ["FAILS_WITH"]))
if stage in ("register", "kubeflow"):
    with open(work + "/registered.json", "w") as registered:
        json.dump({"model_uri": "s3://bucket/models/digits/2", "sha256": "5e" * 32}, registered)
