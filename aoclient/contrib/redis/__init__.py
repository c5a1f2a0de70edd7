"""Processes that work as one over Redis, extra ``redis``: one token, one rate, and each webhook handled once."""

from aoclient.contrib.redis.commons import RedisCommons
from aoclient.contrib.redis.deliveries import RedisDeliveryStore
from aoclient.contrib.redis.gate import RedisGate
from aoclient.contrib.redis.link import Link
from aoclient.contrib.redis.tokens import Cipher, RedisTokenStore

__all__ = ["Cipher", "Link", "RedisCommons", "RedisDeliveryStore", "RedisGate", "RedisTokenStore"]
