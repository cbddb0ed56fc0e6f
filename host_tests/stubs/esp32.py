"""A stand-in for `esp32`: its non-volatile storage, kept in a file beside the device's own, whole or old like the real one's."""

import json
import os


class NVS:
    """One namespace; `commit` makes it last."""

    def __init__(self, namespace):
        self._path = "nvs-" + namespace + ".json"
        try:
            with open(self._path) as file:
                self._values = json.load(file)
        except OSError:
            self._values = {}

    def get_i32(self, key):
        if key not in self._values:
            raise OSError(-4354, "ESP_ERR_NVS_NOT_FOUND")
        return self._values[key]

    def set_i32(self, key, value):
        self._values[key] = value

    def commit(self):
        with open(self._path + ".new", "w") as file:
            json.dump(self._values, file)
        os.rename(self._path + ".new", self._path)
