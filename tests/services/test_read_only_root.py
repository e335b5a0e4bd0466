"""A campaign as an image runs it: user 1000, a read-only root, nothing but /tmp and the output writable."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import monsoon

SOURCE = Path(monsoon.__file__).parent
PREFIX = Path(sys.base_prefix)
# In mounts of its own: all is read-only but what Containerfile says to be written, then the user's rights.
# The home of root, which may hold Python, is closed to others: what is needed of it is bound where it was.
MOUNTS = r"""
set -eu
source=$1; prefix=$2; environment=$3; program=$4
mount --make-rprivate /
mount -t tmpfs none /mnt
mkdir /mnt/sources /mnt/sources/monsoon /mnt/prefix /mnt/environment /mnt/data
mount --bind "$source" /mnt/sources/monsoon
mount --bind "$prefix" /mnt/prefix
mount --bind "$environment" /mnt/environment
mount -t tmpfs -o mode=755 none /root
mount -t tmpfs -o mode=1777 none /tmp
mount -t tmpfs -o uid=1000,mode=700 none /mnt/data
for pair in "prefix:$prefix" "environment:$environment"; do
  if [ ! -x "${pair#*:}/bin/python3" ]; then
    mkdir -p "${pair#*:}"
    mount --bind "/mnt/${pair%%:*}" "${pair#*:}"
    mount -o remount,bind,ro "${pair#*:}"
  fi
done
for place in / /mnt /mnt/sources/monsoon /mnt/prefix /mnt/environment /root; do
  mount -o remount,bind,ro "$place"
done
cd /mnt/data
exec setpriv --reuid=1000 --regid=1000 --clear-groups --bounding-set=-all --no-new-privs \
  env -i PATH=/usr/bin:/bin PYTHONPATH=/mnt/sources PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1 \
  HOME=/tmp RAY_TMPDIR=/tmp RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0 sh -euc "$program"
"""
PROGRAM = """
for place in / /root /mnt/sources/monsoon/engine /usr/bin; do ! touch $place/x 2>/dev/null; done
monsoon() {{ {python} -m monsoon "$@"; }}
monsoon incidents gun pdg=22 energy_mev=5000 theta_rad=0.1 events=4 output=p.parquet
monsoon generate run3 incidents=p.parquet mu=null events=4 shard_events=2 workers=1 model=library output=out
monsoon verify out --quick
id -u
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root can mount")
def test_a_campaign_runs_as_user_1000_on_a_root_that_cannot_be_written() -> None:
    program = PROGRAM.format(python=sys.executable)
    words = [str(SOURCE), str(PREFIX), str(Path(sys.executable).parents[1]), program]
    command = ["unshare", "--mount", "sh", "-c", MOUNTS, "sh", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr and "Operation not permitted" in done.stderr:
        pytest.skip("no mount namespaces here")
    assert done.returncode == 0, done.stderr
    assert "events: /mnt/data/out" in done.stdout
    assert done.stdout.splitlines()[-1] == "1000"
