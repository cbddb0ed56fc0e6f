"""What an address of one's own may be. In memory only where somebody has set one. No I/O."""


def problem(address):
    """Return "" for {"ip", "mask", "gateway", "dns"} that a device can have, else what is wrong with it.

    With one that no network can have the device would be online and reach nobody (RFC 1122 §3.2.1.3, RFC 4632 §5.1).
    """
    names = ("ip", "mask", "gateway", "dns")
    if not isinstance(address, dict) or not all([_is_dotted(address.get(name)) for name in names]):
        return "an address has ip, mask, gateway and dns, four numbers from 0 to 255 each"
    ip, mask, gateway, dns = [_number(address[name]) for name in names]
    hosts = mask ^ 0xFFFFFFFF  # the bits that number the devices of the network
    if hosts & (hosts + 1) or not 3 <= hosts < 1 << 24:
        return "mask: 255.0.0.0 to 255.255.255.252, all its ones before all its zeros"
    for name, number in (("ip", ip), ("gateway", gateway), ("dns", dns)):
        in_network = number & mask == ip & mask
        if not _is_unicast(number) or in_network and number & hosts in (0, hosts):
            return name + ": no device can have that address"
        if name != "ip" and number == ip:
            return name + ": that is the device's own address"
        if name == "gateway" and not in_network:
            return "gateway: it is not in the network of ip and mask"
    return ""


def _number(dotted):
    number = 0
    for part in dotted.split("."):
        number = number << 8 | int(part)
    return number


def _is_unicast(number):
    return 0 < number >> 24 < 224 and number >> 24 != 127


def _is_dotted(text):
    parts = text.split(".") if isinstance(text, str) else ()
    return len(parts) == 4 and all(_is_number(part) for part in parts)


def _is_number(part):
    return 0 < len(part) <= 3 and all("0" <= digit <= "9" for digit in part) and int(part) < 256
