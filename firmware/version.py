"""The version of this firmware (SemVer), as servers, the console and the updater are told it."""

VERSION = "0.1.0"
