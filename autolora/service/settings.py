"""What a service is started with: checked, and completed. Knows neither HTTP nor jobs."""

from __future__ import annotations

import ipaddress
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from autolora.checks import check_whole
from autolora.errors import RequestError
from autolora.service.workplace import TOKEN

USUAL_HOST, USUAL_PORT = "127.0.0.1", 8080
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
LEAST_TOKEN = 20
"""Characters of a token that is set by hand."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a service is started with."""

    data_dir: Path
    host: str = USUAL_HOST
    """Address to listen on."""
    port: int = USUAL_PORT
    """0 takes any that is free."""
    names: tuple[str, ...] = ()
    """Host names, with a port where one is used, by which browsers reach it, such as ``autolora.example.com``."""
    certificate: Path | None = None
    """PEM file of the certificate, with ``key``: then it speaks TLS."""
    key: Path | None = None
    behind_proxy: bool = False
    """Whether a proxy before it speaks TLS."""
    models: Path | None = None
    """Folder of base models, beside those in the data folder."""
    address: str | None = None
    """Of a Ray cluster on which searches run; None starts a private one for each."""
    jobs_at_once: int = 1
    most_upload_bytes: int = 2 * 2**30
    most_body_bytes: int = 2 * 2**20
    """Of any request that is no upload."""
    least_free_bytes: int = 2 * 2**30
    """Room on the disk below which no job is begun."""

    def __post_init__(self) -> None:
        """Check what must fit together.

        Raises:
            RequestError: If a value breaks its rule.
        """
        check_whole("port", self.port, least=0, most=65_535)
        check_whole("jobs", self.jobs_at_once, least=1)
        if (self.certificate is None) != (self.key is None):
            raise RequestError("--certificate and --key belong together", "give both, or neither")
        for name, path in (("certificate", self.certificate), ("key", self.key)):
            if path is not None and not path.is_file():
                raise RequestError(f"there is no file {str(path)!r} for --{name}", "check the path")
        if self.models is not None and not self.models.is_dir():
            raise RequestError(f"there is no folder {str(self.models)!r} for --models", "check the path")
        if not self.is_loopback and self.certificate is None and not self.behind_proxy:
            raise RequestError(
                f"listening on {self.host} lets other machines in, and the token would pass in the clear",
                "give --certificate and --key, or --behind-proxy where a proxy speaks TLS; or leave --host out",
            )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach it by TLS."""
        return self.certificate is not None or self.behind_proxy

    def hosts(self, port: int) -> frozenset[str]:
        """Return the values of the Host header that are answered, exactly.

        Args:
            port: That it really listens on.
        """
        own = [self.host, *(_LOOPBACK_NAMES if self.is_loopback or self.host in ("0.0.0.0", "::") else ())]
        bare = [f"[{name}]" if ":" in name and not name.startswith("[") else name for name in own]
        usual = 443 if self.is_secure else 80
        return frozenset([f"{name}:{port}" for name in bare] + (bare if port == usual else []) + list(self.names))


def token_of(data_dir: Path) -> str:
    """Return the token that opens the doors; a random one is made at the first start.

    Raises:
        RequestError: If the file holds none worth the name.
    """
    path = data_dir / TOKEN
    try:
        with open(path, "x", opener=_private) as file:
            file.write(f"{secrets.token_urlsafe(32)}\n")
    except FileExistsError:
        pass
    token = path.read_text(encoding="utf-8").strip()
    if len(token) < LEAST_TOKEN or not token.isascii() or any(character.isspace() for character in token):
        raise RequestError(
            f"the token in {str(path)!r} must be at least {LEAST_TOKEN} ASCII characters without a space",
            "delete the file: a random one is made at the next start",
        )
    return token


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
