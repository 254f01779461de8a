#!/bin/sh
# Run a command as who owns the storage folder, never as root.
#
# A folder that is mounted belongs to whoever made it; to root, where Docker did. So where it is root who starts
# us, what is root's is handed to that owner, or to appuser where root itself is the owner.

# Process 1 is ended by no signal that it does not take.
trap 'exit 0' TERM INT
set -eu

if [ "$(id -u)" = 0 ]; then
    owner=$(stat -c %u:%g /app/storage)
    if [ "${owner%:*}" = 0 ]; then
        owner=$(id -u appuser):$(id -g appuser)
    fi
    for folder in /app/storage /app/logs; do
        # Two levels show what root copied in, and are quickly read however many avatars there are. What can't be
        # handed over, on a share, may be writable all the same: the service will see.
        if [ -n "$(find "$folder" -maxdepth 2 -uid 0 -print -quit 2>/dev/null)" ]; then
            find "$folder" -uid 0 -exec chown -h "$owner" {} + 2>/dev/null &
            wait $! || true
        fi
    done
fi

# Compose alone names a database beside the service. An address that the operator gives wins.
if [ -n "${LINKED_DATABASE_URL-}" ] && [ -z "${DATABASE_URL-}" ]; then
    /app/docker/linked-database > /tmp/linked-database.new &
    wait $!
    mv /tmp/linked-database.new /tmp/linked-database
fi

# `docker run IMAGE --help` is about the service.
case "${1-}" in
    -*) set -- avatar-gen "$@" ;;
esac
# A signal that comes before the service can take it waits until then.
if [ "${1-}" = avatar-gen ]; then
    exec env --block-signal=TERM /app/docker/as-owner "$@"
fi
exec /app/docker/as-owner "$@"
