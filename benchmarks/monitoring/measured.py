"""Run a program, and print its CPU seconds and peak memory (MB of 2^20 bytes) as the last line.

    python measured.py PROGRAM ARGUMENT ...

A program of its own, because the peak that Linux reports of a child begins with what its parent
held when it was started, and this one holds little.
"""

import json
import resource
import subprocess
import sys


def main() -> int:
    """Return the exit code of the program."""
    code = subprocess.run(sys.argv[1:], check=False).returncode
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = usage.ru_utime + usage.ru_stime
    print(json.dumps({"cpu_s": seconds, "peak_mb": usage.ru_maxrss / 1024}))
    return code


if __name__ == "__main__":
    sys.exit(main())
