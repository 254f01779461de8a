#!/bin/sh
# Have nginx listen on IPv6 too, where there is IPv6. A `listen [::]` in nginx.conf would stop its start elsewhere.
set -eu
if [ -s /proc/net/if_inet6 ]; then
    echo "listen [::]:8080;" > /tmp/listen-ipv6.conf
fi
