"""Logger of the aiohttp servers: a request that is no HTTP is one line and no traceback; faults of the server stay as they are."""

import logging

from aiohttp.http_exceptions import HttpProcessingError


class _OneLine(logging.Filter):
    """Filter that keeps of aiohttp's report on a damaged request only its sender: the content is not for a terminal."""

    def filter(self, record):
        fault = record.exc_info[1] if record.exc_info else None
        if isinstance(fault, HttpProcessingError):
            record.msg = f"{record.getMessage()}: it is no HTTP ({fault.code})"
            record.args, record.exc_info, record.exc_text = (), None, None
        return True


LOGGER = logging.getLogger("tools.http")
LOGGER.addFilter(_OneLine())
