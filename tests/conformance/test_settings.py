"""Settings: where they come from, how they are read and changed, which database they choose."""

import json
import logging
import pickle
import warnings
from pathlib import Path

import pytest

from datajoint import errors
from datajoint.errors import ConfigurationError, DataJointError, DataJointWarning
from datajoint.settings import Config, load_config, resolve_connection, sources


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A repository without settings, and a way to put files into it and load what they say."""
    monkeypatch.setattr(sources, "SYSTEM_SECRETS", str(tmp_path / "no-system-secrets"))
    return Project(tmp_path)


class Project:
    def __init__(self, root):
        self.root = root / "lab"
        (self.root / ".git").mkdir(parents=True)

    def file(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def load(self, inside="", **environ):
        folder = self.root / inside
        folder.mkdir(parents=True, exist_ok=True)
        return load_config(environ, folder)


@pytest.mark.statement("CFG-1")
def test_each_source_prevails_over_the_next(project):
    assert "localhost" == project.load().database.host
    project.file("datajoint.json", {"database.host": "from-file"})
    assert "from-file" == project.load().database.host
    project.file(".secrets/database.host", "from-secrets\n")
    assert "from-secrets" == project.load().database.host
    config = project.load(DJ_HOST="from-environment")
    assert "from-environment" == config.database.host
    config.database.host = "assigned"
    assert "assigned" == config["database.host"]
    del config["database.host"]
    assert "from-environment" == config["database.host"]


@pytest.mark.statement("CFG-1")
def test_every_value_knows_its_origin(project):
    path = project.file("datajoint.json", {"display": {"limit": 3}})
    config = project.load(DJ_PORT="3307")
    config.safemode = False
    assert str(path) == config.origin("display.limit")
    assert "environment variable DJ_PORT" == config.origin("database.port")
    assert ("assigned", "default") == (config.origin("safemode"), config.origin("loglevel"))


@pytest.mark.statement("CFG-2")
def test_the_file_is_found_upward(project):
    project.file("datajoint.json", {"display.limit": 3})
    assert 3 == project.load("src/deep/down").display.limit
    project.file("src/datajoint.json", {"display.limit": 4})
    assert 4 == project.load("src/deep/down").display.limit


@pytest.mark.statement("CFG-2")
@pytest.mark.parametrize("mark", [".git", ".hg"])
def test_the_search_ends_at_the_root_of_a_repository(project, mark):
    project.file("datajoint.json", {"display.limit": 3})
    (project.root / "inner" / mark).mkdir(parents=True)
    assert 12 == project.load("inner/src").display.limit


@pytest.mark.statement("CFG-2")
def test_nested_and_dotted_keys_are_equal(project):
    project.file(
        "datajoint.json", {"database": {"host": "h"}, "database.port": 3307, "stores.a.location": "x"}
    )
    config = project.load()
    assert ("h", 3307, {"a": {"location": "x"}}) == (
        config.database.host,
        config.database.port,
        config.stores,
    )


@pytest.mark.statement("CFG-2")
def test_unknown_keys_of_a_file_are_reported_once_and_kept(project, caplog):
    project.file("datajoint.json", {"databse": {"host": "h"}, "display": {"limt": 3}, "custom": {"mine": 1}})
    config = project.load()
    messages = [record.getMessage() for record in caplog.records]
    assert 2 == len(messages)
    assert "`databse`" in messages[0]
    assert "Did you mean `database`" in messages[0]
    assert "datajoint.json" in messages[0]
    assert "Did you mean `display.limit`" in messages[1]
    assert ("h", 3, 1) == (config["databse.host"], config["display.limt"], config["custom"]["mine"])


@pytest.mark.statement("CFG-2")
def test_unknown_keys_of_code_are_reported_once_and_kept():
    config = Config()
    with pytest.warns(
        DataJointWarning, match=r"`database\.prefix`.*Did you mean `database\.database_prefix`"
    ) as seen:
        config["database.prefix"] = "lab_"
    assert __file__ == seen[0].filename
    config["database.prefix"] = "other_"
    assert ("other_", "other_") == (config["database.prefix"], config.get("database.prefix"))
    config["custom"] = {"database.prefix": "x", "deep": {"er": 1}}
    config["custom"]["root"] = "/data"
    assert ("/data", 1) == (config["custom.root"], config["custom.deep.er"])


@pytest.mark.statement("CFG-2")
def test_settings_of_a_python_project(project):
    project.file(
        "pyproject.toml", '[tool.datajoint.stores]\ndefault = "a"\n[tool.datajoint.display]\nlimit = 3\n'
    )
    assert (3, "a") == (project.load("src").display.limit, project.load().stores["default"])
    project.file("datajoint.json", {"display.limit": 4})
    assert (4, "a") == (project.load().display.limit, project.load().stores["default"])


@pytest.mark.statement("CFG-2")
@pytest.mark.parametrize(
    ("content", "gist"),
    [
        ("{", "not valid JSON"),
        ("[]", "must be a JSON object"),
        ('{"database": 3}', "must be a section"),
        ('{"display.limit": "many"}', "`display.limit`"),
        ('{"stores": {"a": "b"}}', "`stores.a`"),
    ],
)
def test_a_wrong_file_is_refused_by_name(project, content, gist):
    path = project.file("datajoint.json", content)
    with pytest.raises(ConfigurationError) as caught:
        project.load()
    assert gist in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.statement("CFG-3")
def test_secrets_fill_what_is_unset(project):
    project.file("datajoint.json", {"database.host": "h", "stores": {"a": {"protocol": "s3", "bucket": "b"}}})
    project.file(".secrets/database.user", "ada\n")
    project.file(".secrets/database.password", "open sesame\n")
    project.file(".secrets/stores.a.secret_key", "k3y")
    config = project.load("src")
    assert ("ada", "open sesame") == (config.database.user, config["database.password"])
    assert {"protocol": "s3", "bucket": "b", "secret_key": "k3y"} == config.stores["a"]
    assert "eve" == project.load(DJ_USER="eve").database.user


@pytest.mark.statement("CFG-3")
def test_secrets_of_the_system(project, monkeypatch):
    project.file("mounted/database.user", "ada")
    project.file("mounted/..data/ignored", "x")
    monkeypatch.setattr(sources, "SYSTEM_SECRETS", str(project.root / "mounted"))
    assert "ada" == project.load().database.user
    project.file(".secrets/database.user", "eve")
    assert "eve" == project.load().database.user


VARIABLES = {
    "DJ_HOST": ("database.host", "h", "h"),
    "DJ_PORT": ("database.port", "3307", 3307),
    "DJ_USER": ("database.user", "", ""),
    "DJ_PASS": ("database.password", "", ""),
    "DJ_BACKEND": ("database.backend", "postgresql", "postgresql"),
    "DJ_DATABASE_NAME": ("database.name", "lab", "lab"),
    "DJ_DATABASE_PREFIX": ("database.database_prefix", "x_", "x_"),
    "DJ_USE_TLS": ("database.use_tls", '{"ca": "file.pem"}', {"ca": "file.pem"}),
    "DJ_CREATE_TABLES": ("database.create_tables", "off", False),
    "DJ_LOG_LEVEL": ("loglevel", "debug", "DEBUG"),
    "DJ_DIAGRAM_DIRECTION": ("display.diagram_direction", "TB", "TB"),
    "DJ_DIAGRAM_THEME": ("display.diagram_theme", "dark", "dark"),
    "DJ_STORES": ("stores", '{"a": {"location": "x"}}', {"a": {"location": "x"}}),
    "DJ_IGNORE_CONFIG_FILE": ("ignore_config_file", "1", True),
    "DJ_RECONNECT": ("database.reconnect", "no", False),
    "DJ_SAFEMODE": ("safemode", "FALSE", False),
    "DJ_DOWNLOAD_PATH": ("download_path", "/tmp", "/tmp"),
    "DJ_QUERY_CACHE": ("query_cache", "/tmp", Path("/tmp")),
    "DJ_JOBS_LEASE": ("jobs.lease", "2.5", 2.5),
    "DJ_JOBS_MAX_ATTEMPTS": ("jobs.max_attempts", "3", 3),
    "DJ_JOBS_TIMEOUT": ("jobs.timeout", "none", None),
    "DJ_PROVENANCE_HISTORY": ("provenance.history", "off", "off"),
    "DJ_PROVENANCE_SOURCE": ("provenance.source", '{"rig": 3}', {"rig": 3}),
    "DJ_INTEROP_NATIVE_BLOBS": ("interop.native_blobs", "raw", "raw"),
    "DJ_INTEROP_CREATE_COLLATION": ("interop.create_collation", "server", "server"),
    "DJ_INTEROP_ZONES": ("interop.zones", "KEEP", "keep"),
    "DJ_INTEROP_SKIP_DUPLICATES": ("interop.skip_duplicates", "any", "any"),
    "DJ_DECLARE_DRIFT": ("declare.drift", "error", "error"),
    "DJ_DATABASE_SYNCHRONOUS": ("database.synchronous", "normal", "NORMAL"),
}


@pytest.mark.statement("CFG-4", "CFG-9")
@pytest.mark.parametrize("variable", VARIABLES)
def test_variables_set_settings(project, variable):
    name, text, value = VARIABLES[variable]
    assert value == project.load(**{variable: text})[name]


@pytest.mark.statement("CFG-4")
@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("DJ_PORT", "abc"),
        ("DJ_PORT", ""),
        ("DJ_SAFEMODE", "perhaps"),
        ("DJ_LOG_LEVEL", "loud"),
        ("DJ_STORES", "{x"),
        ("DJ_STORES", "[]"),
        ("DJ_BACKEND", "oracle"),
        ("DJ_USE_TLS", "maybe"),
        ("DJ_JOBS_LEASE", "0"),
        ("DJ_PROVENANCE_HISTORY", "sometimes"),
        ("DJ_IGNORE_CONFIG_FILE", "huh"),
    ],
)
def test_a_bad_value_is_refused_naming_the_variable(project, variable, text):
    with pytest.raises(ConfigurationError, match=variable):
        project.load(**{variable: text})


@pytest.mark.statement("CFG-4")
def test_a_misspelt_variable_is_reported(project, caplog):
    project.load(DJ_PASSWORD="x", DJ_TEST_MYSQL="x", DJ_THREAD_SAFE="1")
    assert [
        "The environment variable DJ_PASSWORD is not a setting. Did you mean `DJ_PASS`?"
    ] == caplog.messages


@pytest.mark.statement("CFG-4")
@pytest.mark.parametrize("variable", ["DJ_FOO", "DJ_PROFILE", "DJ_DEBUG", "DJ_HOME", "DJ_X"])
def test_the_variable_of_another_program_is_not_reported(project, caplog, variable):
    project.load(**{variable: "x"})
    assert [] == caplog.messages


@pytest.mark.statement("CFG-4")
@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("DJ_USR", "DJ_USER"),
        ("DJ_HOSTS", "DJ_HOST"),
        ("DJ_LOGLEVEL", "DJ_LOG_LEVEL"),
        ("DJ_SAFE_MODE", "DJ_SAFEMODE"),
    ],
)
def test_the_nearest_variable_is_named(project, caplog, variable, meant):
    project.load(**{variable: "x"})
    assert [
        f"The environment variable {variable} is not a setting. Did you mean `{meant}`?"
    ] == caplog.messages


@pytest.mark.statement("CFG-5")
def test_stores_of_the_environment_replace_those_of_the_file(project):
    project.file(
        "datajoint.json", {"stores": {"old": {"protocol": "file", "location": "x"}}, "display.limit": 3}
    )
    project.file(".secrets/stores.new.access_key", "id")
    project.file(".secrets/stores.new.bucket", "of-secrets")
    config = project.load(DJ_STORES='{"new": {"protocol": "s3", "bucket": "b"}}')
    assert {"new": {"protocol": "s3", "bucket": "b", "access_key": "id"}} == config.stores
    assert ({}, 3) == (project.load(DJ_STORES="{}").stores.get("old", {}), config.display.limit)


@pytest.mark.statement("CFG-5")
def test_file_and_secrets_can_be_ignored(project):
    project.file("datajoint.json", {"database.host": "h"})
    project.file(".secrets/database.user", "ada")
    config = project.load(DJ_IGNORE_CONFIG_FILE="true", DJ_PORT="1")
    assert ("localhost", None, 1) == (config.database.host, config.database.user, config.database.port)


@pytest.mark.statement("CFG-6")
def test_attributes_and_keys_are_the_same():
    config = Config()
    config.display.limit = 3
    config["display.width"] = 20
    assert (3, 20) == (config["display.limit"], config.display.width)
    config["database"] = {"host": "h", "port": 3307}
    assert ("h", 3307) == (config["database"]["host"], config.database.port)
    assert {"display.limit", "stores", "safemode"} <= set(config)
    assert dict(config)["display.limit"] == dict(config.items())["display.limit"] == 3
    config.update({"safemode": False}, display__limit=4)
    assert (False, 4) == (config.safemode, config.display.limit)


@pytest.mark.statement("CFG-6")
def test_names_that_do_not_exist():
    config = Config()
    assert (None, 7) == (config.get("custom"), config.get("nothing", 7))
    assert "nothing" not in config
    with pytest.raises(KeyError, match=r"display\.limit"):
        config["display.limt"]
    with pytest.raises(AttributeError, match=r"`display\.limit`"):
        _ = config.limit
    with pytest.raises(ConfigurationError, match=r"`database\.hots`.*\n.*`database\.host`"):
        config.database.hots = "h"
    with pytest.raises(ConfigurationError, match="savemode"):
        config.savemode = False


@pytest.mark.statement("CFG-6")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("safemode", "maybe"),
        ("safemode", 2),
        ("safemode", None),
        ("display.limit", "x"),
        ("display.limit", 7.5),
        ("display.limit", True),
        ("display.limit", None),
        ("database.host", 3),
        ("database.port", 70000),
        ("database.backend", "oracle"),
        ("loglevel", "loud"),
        ("stores", ["a"]),
        ("stores", {"a": "b"}),
        ("stores", {"default": 3}),
        ("database.password", 1234),
        ("database", "h"),
        ("jobs.lease", 0.5),
        ("provenance.source", "x"),
        ("display.diagram_direction", "BT"),
        ("database.use_tls", "perhaps"),
    ],
)
def test_wrong_types_are_refused_and_change_nothing(name, value):
    config = Config()
    before = repr(config)
    with pytest.raises(ConfigurationError, match=name):
        config[name] = value
    assert before == repr(config)


@pytest.mark.statement("CFG-6")
def test_an_update_is_made_whole_or_not_at_all():
    config = Config()
    with pytest.raises(ValueError, match=r"display\.limit"):
        config.update({"safemode": False, "display.limit": "x"})
    assert config.safemode is True


@pytest.mark.statement("CFG-6")
def test_a_file_is_loaded_under_environment_and_assignments(project):
    path = project.file(
        "other/lab.json", {"display": {"limit": 3, "width": 3}, "safemode": False, "stores.b.x": 1}
    )
    project.file("other/.secrets/database.user", "ada")
    project.file("datajoint.json", {"loglevel": "ERROR", "display.width": 9})
    config = project.load(DJ_SAFEMODE="true")
    config.display.limit = 4
    config.stores["a"] = {"location": "x"}
    config.load(path)
    assert (True, 3, 3) == (config.safemode, config.display.limit, config.display.width)
    assert ("ERROR", "ada") == (config.loglevel, config.database.user)
    assert {"a": {"location": "x"}, "b": {"x": 1}} == config.stores
    with pytest.raises(FileNotFoundError, match="nowhere"):
        config.load("nowhere.json")
    with pytest.raises(DataJointError, match="nowhere"):
        config.load("nowhere.json")


@pytest.mark.statement("CFG-6", "CFG-8")
def test_a_template_holds_no_secrets(project):
    config = Config()
    config.update(
        database__user="ursula", database__password="open sesame", database__host="h", display__limit=3
    )
    config["stores"] = {"a": {"protocol": "s3", "bucket": "b", "secret_key": "k3y", "access_key": "id"}}
    small = config.save_template(project.root / "a.json", create_secrets_dir=False)
    assert {"database": {"backend": "mysql", "host": "h", "port": 3306}} == json.loads(small.read_text())
    assert not (project.root / ".secrets").exists()
    full = config.save_template(project.root / "datajoint.json", minimal=False)
    text = full.read_text() + "".join(path.read_text() for path in (project.root / ".secrets").iterdir())
    assert not [word for word in ("ursula", "open sesame", "k3y", '"id"') if word in text]
    loaded = project.load()
    assert (3, "h", {"a": {"protocol": "s3", "bucket": "b"}}) == (
        loaded.display.limit,
        loaded.database.host,
        loaded.stores,
    )
    assert (project.root / ".secrets" / ".gitignore").read_text().startswith("*")
    assert loaded.database.user is None, "a template that nobody filled in is not a user"
    with pytest.raises(ConfigurationError, match="exists already"):
        config.save_template(full)


@pytest.mark.statement("CFG-7")
@pytest.mark.parametrize("fails", [False, True])
def test_override_restores(fails):
    config = Config()
    config["stores"] = stores = {"a": {"location": "x"}}
    config.display.width = 20
    try:
        with config.override(safemode=False, display__limit=5, display__width=3, stores__a__location="y"):
            inside = (
                config.safemode,
                config.display.limit,
                config.display.width,
                config["stores.a.location"],
            )
            assert (False, 5, 3, "y") == inside
            1 / (not fails)
    except ZeroDivisionError:
        assert fails
    assert (True, 12, 20) == (config.safemode, config.display.limit, config.display.width)
    assert stores == config.stores
    assert ("default", "assigned") == (config.origin("safemode"), config.origin("display.width"))


@pytest.mark.statement("CFG-7")
def test_overrides_nest_and_refuse_before_they_change():
    config = Config()
    with config.override(display__limit=5):
        with (
            config.override(display__limit=6),
            pytest.raises(ConfigurationError),
            config.override(safemode=False, display__limit="x"),
        ):
            pytest.fail("not refused")
        assert (True, 5) == (config.safemode, config.display.limit)
    with pytest.warns(DataJointWarning, match="nope"), config.override(nope=3):
        assert 3 == config["nope"]
    assert "nope" not in config


@pytest.mark.statement("CFG-7")
def test_the_older_call():
    config = Config()
    with config(safemode=False, display__limit=5):
        assert (False, 5) == (config.safemode, config.display.limit)
    assert (True, 12) == (config.safemode, config.display.limit)
    config(safemode=False)
    assert config.safemode is False


@pytest.mark.statement("CFG-8")
def test_secrets_are_never_shown(project, caplog):
    project.file("datajoint.json", {"stores.a": {"secret_key": "k3y", "token": "t0k", "token_length": 9}})
    project.file(".secrets/database.pasword", "open sesame")
    config = project.load(DJ_USER="ada", DJ_PASS="open sesame")
    config["custom"] = {"api": {"token": "t0k"}}
    shown = [
        config,
        config.database,
        config["database.password"],
        dict(config),
        config.stores,
        config.stores["a"],
    ]
    shown += [resolve_connection(config), config.copy(), config["database"]]
    config["stores.a"] = {"protocol": "azure", "container": "c", "location": "l", "account_key": "k3y"}
    shown += [config.get_store_spec("a")]
    text = "\n".join([*map(repr, shown), *map(str, shown[:2]), *caplog.messages])
    assert not [word for word in ("open sesame", "k3y", "t0k") if word in text]
    assert "ada" in text
    assert "open sesame" == config.database.password == config["database.password"]


@pytest.mark.statement("CFG-8")
def test_a_refused_password_is_not_shown():
    for name, value in (
        ("database.password", 271828),
        ("stores", {"a": "k3y"}),
        ("database.password", ["k3y"]),
    ):
        with pytest.raises(ConfigurationError) as caught:
            Config()[name] = value
        assert "271828" not in str(caught.value)
        assert "k3y" not in str(caught.value)


DEFAULTS = {
    "query": {"unknown_names": "error", "matching": "lineage"},
    "database": {
        "host": "localhost",
        "port": 3306,
        "user": None,
        "password": None,
        "backend": None,
        "name": None,
        "use_tls": None,
        "reconnect": True,
        "create_tables": True,
        "database_prefix": "",
        "synchronous": "FULL",
        "busy_timeout": 30,
        "statement_timeout": None,
    },
    "blob": {"use_32bit_dims": False},
    "connection": {"charset": ""},
    "display": {
        "limit": 12,
        "width": 14,
        "show_tuple_count": True,
        "diagram_direction": "LR",
        "diagram_theme": "auto",
        "tracebacks": "short",
    },
    "jobs": {
        "auto_refresh": True,
        "keep_completed": False,
        "stale_timeout": 3600,
        "default_priority": 5,
        "version_method": None,
        "add_job_metadata": False,
        "allow_new_pk_fields_in_computed_tables": None,
        "lease": 30,
        "max_attempts": 1,
        "retry_delay": 10,
        "skipped_retry": 3600,
        "timeout": None,
        "executor": None,
        "conflict_retries": 3,
        "write_set_bytes": 268435456,
    },
    "provenance": {
        "capture": False,
        "source": {},
        "events": True,
        "history": "best_effort",
        "history_days": None,
        "history_bytes": None,
        "digests": False,
        "keep_diff": False,
        "guard": None,
        "contract": "warn",
        "audit": False,
        "stale": "ignore",
        "reuse": True,
        "ignored_values": (),
    },
    "interop": {
        "create_collation": "binary",
        "native_blobs": "auto",
        "zones": "utc",
        "skip_duplicates": "key",
    },
    "declare": {"drift": "warn", "same_name": "error"},
    "attach": {"lazy": False},
}


@pytest.mark.statement("CFG-9")
def test_defaults(project):
    config = project.load()
    assert DEFAULTS == {group: {name: config[group][name] for name in config[group]} for group in DEFAULTS}
    assert (True, "INFO", ".", None, {}) == (
        config.safemode,
        config.loglevel,
        config.download_path,
        config.query_cache,
        config.stores,
    )
    assert {*(f"{group}.{name}" for group, names in DEFAULTS.items() for name in names)} == {
        name for name in config if "." in name
    }


@pytest.mark.statement("CFG-9")
def test_the_backend_chooses_the_default_port():
    config = Config()
    config.database.backend = "postgresql"
    assert 5432 == config.database.port
    config.database.port = 5433
    assert 5433 == config.database.port


@pytest.mark.statement("CFG-10")
def test_obsolete_settings(project, caplog):
    with pytest.raises(ConfigurationError, match="DJ_USE_TLS"):
        project.load(DJ_TLS="1")
    config = Config()
    config["cache"] = "/tmp/cache"
    assert (Path("/tmp/cache"), Path("/tmp/cache")) == (config.query_cache, config["cache"])
    for name in ("enable_python_native_blobs", "database.charset", "database.collation"):
        with pytest.warns(DataJointWarning, match=name):
            config[name] = True
    for name, advice in (
        ("connection.init_function", "query"),
        ("jobs.version", "jobs.version_method"),
        ("object_storage", "stores"),
    ):
        with pytest.raises(ConfigurationError, match=f"`{name}`[^`]*`?.*{advice}"):
            config[name] = "x"
        project.file("datajoint.json", {name: "x"})
        with pytest.raises(ConfigurationError, match=f"{name}.*datajoint.json"):
            project.load()
    project.file("datajoint.json", {"enable_python_native_blobs": True, "connection.init_function": None})
    caplog.clear()
    assert project.load()["enable_python_native_blobs"] is True
    assert ["has no effect" in message for message in caplog.messages] == [True]


@pytest.mark.statement("CFG-13")
def test_nothing_configured_means_a_local_file(project, monkeypatch):
    monkeypatch.chdir(project.root)
    found = resolve_connection(project.load())
    assert ("sqlite", str(project.root / "datajoint.db"), True) == (
        found.backend,
        found.name,
        found.announced,
    )


@pytest.mark.statement("CFG-13")
def test_other_settings_do_not_choose_a_server(project):
    project.file("datajoint.json", {"display.limit": 3, "stores.a.location": "x", "database": {"user": None}})
    found = resolve_connection(
        project.load(DJ_DATABASE_NAME=":memory:", DJ_USE_TLS="1", DJ_CREATE_TABLES="0")
    )
    assert ("sqlite", ":memory:") == (found.backend, found.name)


@pytest.mark.statement("CFG-13", "CFG-11")
@pytest.mark.parametrize(
    ("variables", "missing"),
    [
        ({"DJ_HOST": "h"}, ["user", "password"]),
        ({"DJ_PORT": "3306"}, ["user", "password"]),
        ({"DJ_USER": "ada"}, ["password"]),
        ({"DJ_PASS": ""}, ["user"]),
        ({"DJ_BACKEND": "mysql"}, ["user", "password"]),
        ({"DJ_BACKEND": "postgresql", "DJ_USER": "ada"}, ["password"]),
    ],
)
def test_half_a_login_is_an_error(project, variables, missing):
    with pytest.raises(ConfigurationError) as caught:
        resolve_connection(project.load(**variables))
    for name, variable in (("user", "DJ_USER"), ("password", "DJ_PASS")):
        says = f"`database.{name}`" in caught.value.hint and variable in caught.value.hint
        assert (name in missing) == says
        assert (name in missing) == (f".secrets/database.{name}" in caught.value.hint)


@pytest.mark.statement("CFG-13")
@pytest.mark.parametrize("where", ["file", "secrets", "assigned"])
@pytest.mark.parametrize(
    ("name", "value"),
    [("host", "localhost"), ("port", 3306), ("user", "ada"), ("password", "x")],
)
def test_half_a_login_is_an_error_from_every_source(project, where, name, value):
    if where == "file":
        project.file("datajoint.json", {"database": {name: value}})
    elif where == "secrets":
        project.file(f".secrets/database.{name}", str(value))
    config = project.load()
    if where == "assigned":
        config[f"database.{name}"] = value
    with pytest.raises(ConfigurationError, match="server is configured"):
        resolve_connection(config)


@pytest.mark.statement("CFG-13")
def test_a_server_that_is_named_completely(project):
    found = resolve_connection(project.load(DJ_USER="ada", DJ_PASS=""))
    assert ("mysql", "localhost", 3306, "ada", "", None) == (
        found.backend,
        found.host,
        found.port,
        found.user,
        found.password,
        found.name,
    )
    found = resolve_connection(project.load(DJ_BACKEND="postgresql", DJ_HOST="h", DJ_USER="ada", DJ_PASS="x"))
    assert ("postgresql", "h", 5432, "postgres", False) == (
        found.backend,
        found.host,
        found.port,
        found.name,
        found.announced,
    )


@pytest.mark.statement("CFG-13")
def test_sqlite_chosen_by_name(project, monkeypatch):
    monkeypatch.chdir(project.root)
    config = project.load(DJ_BACKEND="sqlite", DJ_HOST="h")
    found = resolve_connection(config)
    assert ("sqlite", str(project.root / "datajoint.db"), False) == (
        found.backend,
        found.name,
        found.announced,
    )
    config.database.name = project.root / "x.db"
    assert str(project.root / "x.db") == resolve_connection(config).name
    config.database.name = ""
    with pytest.raises(ConfigurationError, match=r"`database\.name`"):
        resolve_connection(config)


@pytest.mark.statement("CFG-14")
def test_copies_share_nothing():
    config = Config()
    config["stores"] = {"a": {"location": "x"}}
    config["custom"] = {"root": "x"}
    other = config.copy(database__backend="sqlite", database__name="x.db", safemode=False)
    other.stores["a"]["location"] = "y"
    other["custom"]["root"] = "y"
    other.display.limit = 3
    assert ("x", "x", 12, True, None) == (
        config["stores.a.location"],
        config["custom.root"],
        config.display.limit,
        config.safemode,
        config.database.backend,
    )
    assert ("y", "y", 3, False) == (
        other["stores.a.location"],
        other["custom.root"],
        other.display.limit,
        other.safemode,
    )
    config.safemode = False
    config.display.width = 1
    assert 14 == other.display.width


@pytest.mark.statement("ERR-1", "ERR-3")
def test_configuration_errors_are_of_the_tree():
    with pytest.raises(DataJointError) as caught:
        Config()["display.limit"] = "x"
    error = caught.value
    assert isinstance(error, ConfigurationError)
    assert isinstance(error, ValueError)
    assert "Ask Ada." in str(error.suggest("Ask Ada."))
    assert str(error) == str(pickle.loads(pickle.dumps(error)))
    assert issubclass(errors.ConfigurationError, errors.DataJointError)


@pytest.mark.statement("CFG-9")
def test_the_level_of_the_logger_follows_the_settings_of_the_process(monkeypatch):
    logger = logging.getLogger("datajoint")
    before = logger.level
    try:
        config = Config(process_wide=True)
        with config.override(loglevel="ERROR"):
            assert logging.ERROR == logger.level
        assert logging.INFO == logger.level
        with warnings.catch_warnings():
            config.copy(loglevel="DEBUG")
        assert logging.INFO == logger.level
    finally:
        logger.setLevel(before)
