#!/bin/sh
# A part of a campaign for middleware that counts jobs from 1 and gives the number first, then key=value words, as
# CRAB does: grid.sh JOB campaign=run3 events=10000 output=root://HOST//path [key=value]...
set -eu
number=$(($1 - 1))
shift
for word do
    shift
    case $word in
        campaign=*) campaign=${word#*=} ;;
        events=*) events=${word#*=} ;;
        output=*) output=${word#*=} ;;
        *) set -- "$@" "$word" ;;
    esac
done
exec "$(dirname "$0")/part.sh" "$number" "$events" "$output" "$campaign" "$@"
