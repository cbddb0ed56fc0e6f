"""Refusals over HTTP as the real server words them: application/problem+json (reference b), plain text for limits and faults."""

import secrets

from aiohttp import web

from tools.hub import control, wire

_CONTROL = {
    control.NOT_FOUND: (404, "Shocker.Control.NotFound", "Shocker control not found"),
    control.PAUSED: (412, "Shocker.Control.Paused", "Shocker is paused"),
    control.NO_PERMISSION: (403, "Shocker.Control.NoPermission", "No permission to control this shocker"),
}
_FAULTS = {429: "Too many requests", 503: "Service unavailable"}


def problem(status, kind, title, **more) -> web.Response:
    """A problem+json answer with the fields that every problem has, then `more`."""
    trace = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
    body = {"type": kind, "title": title, "status": status, **more}
    body |= {"message": title, "traceId": trace, "requestId": secrets.token_hex(8)}
    return web.Response(status=status, body=wire.dumps(body), content_type="application/problem+json")


def unauthorized() -> web.Response:
    """401: the cookie scheme answers the challenge first, for a wrong API token too."""
    return problem(401, "Authentication.CookieMissingOrInvalid", "Missing or invalid authentication cookie.")


def token_permission(permission, granted) -> web.Response:
    """403: the token may not do this."""
    title = f"This token lacks the permission {permission}"
    lists = {"requiredPermission": permission, "grantedPermissions": list(granted)}
    return problem(403, "Authorization.Token.PermissionMissing", title, **lists)


def not_found(kind, title) -> web.Response:
    """404 for a thing that is not there or not ours."""
    return problem(404, kind, title)


def invalid(field, text) -> web.Response:
    """400: the body does not say what it must."""
    title = "One or more validation errors occurred."
    return problem(400, "https://tools.ietf.org/html/rfc9110#section-15.5.1", title, errors={field: [text]})


def control_refused(refusal) -> web.Response:
    """What REST says where SignalR is silent."""
    if refusal.reason not in _CONTROL:
        return invalid("type", refusal.reason)
    status, kind, title = _CONTROL[refusal.reason]
    return problem(status, kind, title, shockerId=refusal.shocker)


def fault(status, retry_after_s) -> web.Response:
    """An answer that was asked for by tools/hub/faults.py."""
    if status == 401:
        return unauthorized()
    if status == 412:
        return problem(412, "Websocket.Hub.LifetimeBusy", "Hub lifetime is busy")
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return web.Response(status=status, text=_FAULTS.get(status, "As ordered"), headers=headers)
