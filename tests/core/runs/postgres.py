"""A real PostgreSQL server for tests, in a folder and on a port of its own, as a user who is not root."""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

SETTINGS = "fsync=off\nfull_page_writes=off\nshared_buffers=16MB\nmax_connections=40\nlisten_addresses='127.0.0.1'\n"


class Server:
    """A server that can be stopped and started again. `url` is that of its database `zoo`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.binaries = binaries()
        folder.chmod(0o755)
        self.data = folder / "data"
        self.data.mkdir()
        if os.geteuid() == 0:  # whom PostgreSQL refuses
            shutil.chown(self.data, "nobody")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._run("initdb", "-D", self.data, "-U", "zoo", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
        with open(self.data / "postgresql.conf", "a") as settings:
            settings.write(f"{SETTINGS}port={self.port}\nunix_socket_directories='{self.data}'\n")
        self.start()
        self._run("createdb", "-h", "127.0.0.1", "-p", self.port, "-U", "zoo", "zoo")
        self.url = f"postgresql://zoo:hidden@127.0.0.1:{self.port}/zoo"

    def start(self) -> None:
        self._run("pg_ctl", "-D", self.data, "-l", self.data / "log", "-w", "-t", "60", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")

    def emptied(self) -> str:
        """The URL of its database, in which there is nothing any more."""
        import psycopg

        with psycopg.connect(self.url) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return self.url

    def _run(self, command: str, *arguments: object) -> None:
        as_other = ["runuser", "-u", "nobody", "--"] if os.geteuid() == 0 else []
        words = [*as_other, str(self.binaries / command), *map(str, arguments)]
        # What pg_ctl starts keeps its outputs open, so that a pipe would never end.
        with tempfile.TemporaryFile() as told:
            done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=told, stderr=told, cwd="/", timeout=120, check=False)
            told.seek(0)
            assert done.returncode == 0, told.read().decode()


def binaries() -> Path | None:
    """The folder of the server's programs, as Debian and others lay them; None where there are none, or nobody to run them."""
    if os.geteuid() == 0 and not shutil.which("runuser"):
        return None
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    place = found[-1] if found else shutil.which("initdb")
    return Path(place).parent if place else None
