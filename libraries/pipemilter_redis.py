# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""
A Redis that the handlers of several machines share.
"""
import time

from pipemilter_tools import Trouble, fail, missing, setting

# After trouble with the Redis mail does not wait for it for so many seconds.
REST = 5


def redis_url():
    """DATABASE, if it names a Redis; None: it is a file, or not set."""
    url = setting("DATABASE")
    if url.partition("://")[0] in ("redis", "rediss", "unix"):
        return url
    if url and not url.startswith("/"):
        # It may have a password, which is no affair of the log.
        fail("DATABASE is neither an absolute path nor a Redis such as "
             "redis://HOST:6379/0")
    return None


class Redis:
    """Asked by one script, which runs there as a whole."""

    def __init__(self, url, script):
        try:
            import redis
        except ImportError:
            missing("redis", "python3-redis")
        self._error = redis.RedisError
        self._rest_until = 0
        # Mail waits no longer than this for a Redis that is away or says nothing.
        limits = {"socket_timeout": 1}
        if not url.startswith("unix:"):
            limits["socket_connect_timeout"] = 1
        try:
            server = redis.Redis.from_url(url, **limits)
            # Made, not opened: only that looks at the parameters of the URL.
            pool = server.connection_pool
            pool.connection_class(**pool.connection_kwargs)
        except (TypeError, ValueError) as error:
            fail("DATABASE: %s" % error)
        self._script = server.register_script(script)

    def ask(self, keys, arguments):
        """What the script returns."""
        if time.monotonic() < self._rest_until:
            raise Trouble("the Redis is out of order")
        try:
            return self._script(keys=keys, args=arguments)
        except self._error as error:
            self._rest_until = time.monotonic() + REST
            raise Trouble("the Redis: %s" % error) from None
