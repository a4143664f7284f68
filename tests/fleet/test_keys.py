"""`fleet keys`: a trial installation's keys, private ones private, nothing overwritten."""

import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from edge import seal
from fleet import cli, keys
from fleet.keyring import Booths

from .booth import NOW


def test_private_files_are_their_owners_only_and_no_other_file_is_private(installation: Path) -> None:
    for path in installation.rglob("*"):
        if path.is_file():
            private = b"PRIVATE" in path.read_bytes() or path.name == "pepper"
            assert path.stat().st_mode & 0o777 == (0o600 if private else 0o644), path


def test_keys_are_never_overwritten(installation: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in installation.rglob("*") if path.is_file()}
    with pytest.raises(keys.KeysExist):
        keys.make(installation, ["lyon-03"], [], NOW)
    assert cli.main(["keys", str(installation), "--booth", "lyon-03"]) == 1
    assert "never overwritten" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in installation.rglob("*") if path.is_file()} == before


def test_every_key_is_of_its_kind_and_fits_its_public_part(installation: Path) -> None:
    vault = seal.load_unsealing(installation / "administration/vault-key.pem")
    index = seal.load_unsealing(installation / "fleet/index.pem")
    for name, private in (("vault", vault), ("index", index)):
        assert seal.key_id(seal.load_sealing(installation / f"public/{name}.pem")) == seal.key_id(private.public_key())
    fleet = seal.FleetSigner.from_file(installation / "fleet/signing.pem")
    assert seal.thumbprint(seal.load_verify(installation / "public/fleet.pem")) == fleet.thumbprint
    booth = seal.BoothSigner.from_file(installation / "booths/lyon-03/key.pem")
    registered = Booths(installation / "fleet/booths").key("lyon-03")
    assert registered is not None and seal.thumbprint(registered) == booth.thumbprint


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("booths/nice-01/cert.pem", "nice-01"),
        ("fleet/mqtt-cert.pem", "_srv"),
        ("administration/cert.pem", "prefecture"),
        ("observer/cert.pem", "observer"),
    ],
)
def test_a_clients_name_is_its_common_name_and_it_can_be_no_server(installation: Path, path: str, name: str) -> None:
    certificate = x509.load_pem_x509_certificate((installation / path).read_bytes())
    assert [part.value for part in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [name]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.ExtendedKeyUsageOID.CLIENT_AUTH]


def test_servers_are_named_for_localhost_and_the_hosts_given(tmp_path: Path) -> None:
    keys.make(tmp_path / "k", ["lyon-03"], ["fleet.example", "192.0.2.7"], NOW)
    for path in ("broker/cert.pem", "fleet/api-cert.pem"):
        certificate = x509.load_pem_x509_certificate((tmp_path / "k" / path).read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["localhost", "fleet.example"]
        assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "192.0.2.7"]
    context = ssl.create_default_context(cafile=tmp_path / "k/ca/cert.pem")
    context.load_cert_chain(tmp_path / "k/broker/cert.pem", tmp_path / "k/broker/key.pem")


def test_a_booths_file_never_leads_outside_its_folder_or_to_another_booth(installation: Path, tmp_path: Path) -> None:
    (tmp_path / "nice-01.pem").write_bytes((installation / "fleet/booths/lyon-03.pem").read_bytes())
    (tmp_path / "bare-key.pem").write_bytes((installation / "public/fleet.pem").read_bytes())
    booths = Booths(tmp_path)
    assert booths.key("../fleet/booths/lyon-03") is None
    assert booths.key("absent") is None
    for wrong in ("nice-01", "bare-key"):
        with pytest.raises(seal.SealError, match=wrong):
            booths.key(wrong)
