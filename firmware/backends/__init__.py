"""The services that can drive a device: one module each, and its row here, as frozen packages cannot be listed.

A new backend is a module of this folder and a row of BACKENDS (docs/adding-a-backend.md).
"""

# (module, label, fields), in the order of the set-up page's menu. A field: (key of the settings, label, whether it is secret);
# a label that ends in "(optional)" may stay empty.
BACKENDS = (
    (
        "openshock_gateway",
        "OpenShock, pairing code",
        (
            ("url", "Server", False),
            ("token", "Hub token", True),
        ),
    ),
    (
        "openshock_user",
        "OpenShock, API token",
        (
            ("url", "Server", False),
            ("token", "API token", True),
            ("device_id", "Device id (optional)", False),
        ),
    ),
    (
        "dsp_fleet",
        "DSP Fleet (shows a pairing code)",
        (
            ("url", "Server", False),
            ("latitude", "Latitude (optional)", False),
            ("longitude", "Longitude (optional)", False),
        ),
    ),
    (
        "openshock_share",
        "OpenShock share link (remote)",
        (
            ("url", "Server", False),
            ("link", "Share link", False),
            ("name", "Your name, for the owner to see", False),
            ("session", "Session of the owner (optional)", True),
        ),
    ),
    (
        "valtronics",
        "Valtronics",
        (
            ("url", "Server", False),
            ("token", "API token (optional)", True),
            ("device_id", "Device id (optional)", False),
        ),
    ),
)
NAMES = tuple([name for name, _, _ in BACKENDS])
