"""`python3 -m tools rf`: what is on the air. A decoder written apart from the encoders, and files that other tools read."""


def main(argv):
    """Return the exit code: 0 good, 1 when something received is no valid frame. Raise Failure for what cannot be done."""
    from tools.rf import cli  # not at import: the simulator needs the decoder alone

    return cli.main(argv)
