"""Runs schemathesis against a server, and reports what it has found as one JSON value.

The environment says where the server is and how to get in: TENANTRY_URL, TENANTRY_TOKEN (a management client's,
with all scopes), TENANTRY_SYSTEM_USERNAME and _PASSWORD, TENANTRY_CLIENT_ID and _SECRET. Arguments are handed on to
`schemathesis run`, as in `run.py --max-examples 200` for a longer search.
"""

import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent


def main():
    # Not the script that pip writes, which knows where it was installed first.
    command = [
        sys.executable,
        "-c",
        "from schemathesis.cli import schemathesis; schemathesis()",
        "--config-file",
        str(HERE / "schemathesis.toml"),
        "run",
        os.environ["TENANTRY_URL"] + "/openapi.json",
        "--checks",
        "all",
        "--max-examples",
        "2",
        "--workers",
        "2",
        "--generation-deterministic",
        "--no-color",
        "--report-json-path",
        str(HERE / "report.json"),
    ] + sys.argv[1:]
    environment = dict(os.environ, PYTHONPATH=str(HERE))
    done = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True)
    sys.stderr.write(done.stdout + done.stderr)
    report = json.loads((HERE / "report.json").read_text())
    summary = {
        "complete": report["complete"],
        "tested": report["operations"]["tested"],
        "cases": report["test_cases"]["generated"],
        "phases": {name: phase["status"] for name, phase in report["phases"].items()},
        "failures": report["failures"],
        "errors": report["errors"],
    }
    print(json.dumps(summary))


main()
