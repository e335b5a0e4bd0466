#!/bin/sh
# One part of a campaign as a batch job: part.sh NUMBER EVENTS OUTPUT CAMPAIGN [key=value]...
# Part NUMBER, from 0, makes EVENTS events from NUMBER x EVENTS on, into OUTPUT/part-NUMBER. The same call goes on
# where it was interrupted; its exit code is Monsoon's: 0 done, 2 mend something first, 130 interrupted.
set -eu
number=$1 events=$2 output=$3 campaign=$4
shift 4
export RAY_TMPDIR="${RAY_TMPDIR:-/tmp}" # a job's own folder often has too long a path for Ray's sockets

# where there is no image, the wheel and the lock come with the job
for wheel in monsoon_hep-*.whl; do
    [ -e "$wheel" ] || continue
    python3 -m venv venv
    venv/bin/pip install --quiet --require-hashes --requirement requirements-image.lock
    venv/bin/pip install --quiet --index-url https://download.pytorch.org/whl/cpu torch==2.13.0
    venv/bin/pip install --quiet --no-deps "$wheel"
    PATH="$PWD/venv/bin:$PATH"
done

# exec: the batch system's signals reach Monsoon itself
exec monsoon generate "$campaign" first_event=$((number * events)) events="$events" \
    output="$output/part-$(printf %05d "$number")" "$@"
