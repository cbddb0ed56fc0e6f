"""What each setting is for: one line of plain English a setting, in the order of the table. For docs/settings.md."""

HELP = {
    "board": "The board that this is: it knows its chip, its pins and its lamp. The set-up page lists all of them.",
    "hostname": (
        "The device's name in your network. The default gets six digits of its address behind it. It counts "
        "from the next start."
    ),
    "wifi": (
        "The Wi-Fi networks that the device may join, each with its name, its key and, if you like, an "
        "address of your own."
    ),
    "dns": "Name servers to ask instead of those that the network gives.",
    "time.servers": (
        "Time servers to ask instead of the usual ones, for a network without internet. The router is asked "
        "in any case."
    ),
    "rf.pin": "The pin of the transmitter.",
    "rf.player": (
        "How frames are played: viper times every edge in a loop, rmt leaves that to the chip's remote "
        "control peripheral."
    ),
    "rf.keep_alive": (
        "Once a minute a frame that does nothing goes to each receiver that was used, so that it does not fall asleep."
    ),
    "rf.end_frames_998dr": (
        "Whether a Petrainer 998DR hears stop frames when a command has ended by itself, and keep-alives. "
        "Somebody reported a full burst there: try without. A stop is sent all the same."
    ),
    "estop.enabled": "Whether there is an emergency stop button.",
    "estop.pin": "The pin of the emergency stop button.",
    "estop.normally_closed": (
        "Whether that button opens a circuit: then a broken wire stops everything, too. It is the safer kind."
    ),
    "console.echo": "Whether the console shows what you type.",
    "led.brightness": "Percent of full light for the lamp; at 0 it is dark, but for the emergency stop.",
    "portal.key": (
        "The key of the device's own Wi-Fi network during the set-up; none: one that it made for itself and "
        "tells on the console."
    ),
    "portal.open": (
        "Whether the device's own Wi-Fi network needs no key: then anybody nearby can come in during the set-up."
    ),
    "portal.port": "The TCP port of the set-up page.",
    "portal.dns_port": (
        "The UDP port on which the set-up answers for names, so that phones find the page by themselves."
    ),
    "update.channel": (
        "Which releases are offered: stable, beta (soon to be stable), or develop (the newest, least tried)."
    ),
    "update.url": "Where releases are kept; none: the device never looks for any.",
    "update.check_h": "Hours between two looks for a new release; 0: only when somebody asks.",
    "remote.inputs": "Buttons of this device that control a shocker of the service, each on a pin of its own.",
    "remote.dial": "A rotary knob: turning sets the level, pressing sends it to its shocker.",
    "backend": "The service that the device belongs to. What that service needs to know has its name in front.",
    "backend.second": (
        "A second service at the same time; none: one is enough. Without much memory one must be http:// in "
        "your network."
    ),
    "openshock_user.url": "The OpenShock server; the usual one, or your own.",
    "openshock_user.token": "An API token of your OpenShock account. Whoever has it can act in your name.",
    "openshock_user.device_id": (
        "The id of this hub, as the OpenShock website shows it; none: the receivers of all hubs of the account."
    ),
    "openshock_user.negotiate": (
        "Whether to ask the server first how to connect, as some proxies in front of a server of your own want it."
    ),
    "openshock_user.remote_name": "What stands in the log of the account when a button of this device was pressed.",
    "openshock_user.stop_others": (
        "Whether the emergency stop of this device stops all the other hubs of the account as well."
    ),
    "openshock_gateway.url": "The OpenShock server; the usual one, or your own.",
    "openshock_gateway.token": "The token of this hub. Pairing with a code of six digits writes it.",
    "openshock_gateway.oldest_ms": (
        "How old a command may be (ms): the service does not say when it was asked for, and what waited on the way is refused."
    ),
    "openshock_share.url": "The OpenShock server; the usual one, or your own.",
    "openshock_share.link": "The share link to join, as somebody gave it to you: its id, or the whole address.",
    "openshock_share.name": "The name that the owner of the link sees, 32 characters at most. A guest needs one.",
    "openshock_share.session": (
        "The OpenShockSession of a browser that is logged in, to join as yourself; a guest has none."
    ),
    "valtronics.url": "Where the Valtronics server is: its WebSocket. Without a path /ws is meant.",
    "valtronics.token": "The token (JWT) that the server wants to see; none where it wants none.",
    "valtronics.channels": "What to hear of, separated by commas: alerts, devices, system, telemetry.",
    "valtronics.device_id": (
        "The device to hear of, or several separated by commas; none: all, where the server tells of all."
    ),
    "valtronics.filters": (
        'What to ask of a channel beyond that, such as {"alerts":{"severity":["critical","warning"]}}.'
    ),
    "dsp_fleet.url": (
        "The DSP Fleet server; the usual one, or your own. Without a token the device shows a pairing code "
        "for its dashboard."
    ),
    "dsp_fleet.token": "The token (JWT) of this device. The server gives it when the pairing code was entered there.",
    "dsp_fleet.refresh": "What the next token is asked for with. The server gives it, too.",
    "dsp_fleet.endpoint": "Where the server wants this device to connect; none: /hubs/fleet of the server.",
    "dsp_fleet.device_id": "The number of this device at the server, as that gave it.",
    "dsp_fleet.account_id": "The account that this device belongs to, as the server gave it.",
    "dsp_fleet.name": "How the dashboard calls this device.",
    "dsp_fleet.device_guid": "The pairing under way, where the server began it by its other way.",
    "dsp_fleet.latitude": (
        "Where this device is, for the server: degrees north of the equator; none: it tells no place."
    ),
    "dsp_fleet.longitude": "Where this device is, for the server: degrees east of Greenwich; none: it tells no place.",
    "rules": (
        "What this device does when a service says something that names no receiver: vibrate or sound, never a shock."
    ),
    "cap.shock_allowed": "Whether shocks are sent at all, whoever asks.",
    "cap.unverified_shock": (
        "Whether shocks also go to models whose strength of shock nobody has measured: some Wellturn T330 "
        "may take 15, 31 or 47 % for full strength."
    ),
    "cap.shock": "The strongest shock in percent, whoever asks; who asks for more gets this much. At 0 none is sent.",
    "cap.vibrate": "The strongest vibration in percent, whoever asks.",
    "cap.sound": "The loudest sound in percent, whoever asks.",
    "cap.light": "The brightest light in percent, whoever asks.",
    "cap.longest_ms": "The longest command in milliseconds, whoever asks.",
    "cap.budget": (
        "How much one receiver may give in any minute, in percent times seconds: 3000 is full strength for half of it."
    ),
    "cap.rest_ms": "The rest after a shock of full length, in milliseconds.",
    "cap.own": 'Stricter caps for single receivers, each with model, rf_id and the caps by their names without "cap.".',
}
