"""Check the answers before a single file is written: each refusal is one sentence.

cookiecutter renders this file and runs the copy, so it cannot import a neighbour. The answers
arrive as JSON inside raw strings, with every quote that could end them escaped by `tojson`; the
unrendered file therefore is valid Python, and no answer can break the rendered one.
"""

import json
import keyword
import re
import sys
import unicodedata

ANSWERS = (
    r'{"project_name": <<cookiecutter.project_name|string|tojson>>,'
    r' "project_slug": <<cookiecutter.project_slug|string|tojson>>,'
    r' "author_name": <<cookiecutter.author_name|string|tojson>>,'
    r' "github_owner": <<cookiecutter.github_owner|string|tojson>>}'
)

# The proposed author is the name and " authors".
TEXT_MAX = {"project_name": 60, "author_name": 80}
SLUG_MAX = 40
SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# GitHub's own rule for user and organisation names.
OWNER = re.compile(r"(?!.*--)[A-Za-z0-9]([A-Za-z0-9-]{0,37}[A-Za-z0-9])?")

# Each of these would end a string or start an expression in one of the files that show the text:
# TOML, YAML, JSON, HTML, Markdown, Makefile, Dockerfile, a workflow, or the template itself.
FORBIDDEN = '"\\<>{}$`|'
# Control characters, lone surrogates, line and paragraph separators, private use.
FORBIDDEN_CATEGORIES = {"Cc", "Cs", "Zl", "Zp", "Co"}
# They reorder what a reader sees.
BIDIRECTIONAL = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}

# A YAML file would read these as a boolean or as nothing.
YAML_WORDS = set("true false yes no on off null y n".split())
# Folders and modules that a project, its tests or its tools already have under that name, and the
# fixtures of the loop's tests.
TAKEN = set("app build conftest dist loop main mlops_loop setup src test tests".split())
TAKEN |= set("endpoint fake_gh fake_github git_project github_settings hostile_text".split())
TAKEN |= set("isolation made_days models servers sheets stores user_package".split())
TAKEN |= {"clusters", "job_tokens", "tracker_servers"}
# What a project installs, by distribution and by import name: a project of the same name would
# replace it, or depend on itself.
INSTALLED = set(
    """
adlfs aiobotocore aiohappyeyeballs aiohttp aiohttp_retry aioitertools aiosignal alembic amqp
annotated_doc annotated_types antlr4 antlr4_python3_runtime anyio anysqlite appdirs appnope
argcomplete ast_serialize asttokens asyncssh atpublic attr attrs azure azure_core azure_identity
azure_storage_blob bcrypt billiard botocore brotli cachetools celery certifi cffi charset_normalizer
click click_didyoumean click_plugins click_repl cloudpickle colorama colorlog comm configobj
contourpy coverage cryptography cuda cuda_bindings cuda_pathfinder cuda_toolkit cycler dask
databricks databricks_sdk dateutil debugpy decorator dictdiffer diskcache distributed distro dotenv
dpath dulwich dvc dvc_azure dvc_data dvc_gs dvc_http dvc_objects dvc_render dvc_s3 dvc_ssh
dvc_studio_client dvc_task entrypoints execnet executing fastapi fastapi_offline fastjsonschema
filelock flatbuffers flatten_dict flufl flufl_lock fonttools frozenlist fsspec functorch funcy gcsfs
gevent geventhttpclient git gitdb github githubkit githubkit_schemas githubkit_schemas_2026_03_10
gitpython google google_api_core google_auth google_auth_oauthlib google_cloud_core
google_cloud_storage google_cloud_storage_control google_crc32c google_resumable_media
googleapis_common_protos grandalf graphql graphql_core greenlet grpc grpc_google_iam_v1 grpc_status
grpcio grpcio_status gto h11 harfile hishel httpcore httpcore2 httptools httpx httpx2 httpx2_jsfetch
hydra hydra_core hypothesis hypothesis_graphql idna importlib_metadata iniconfig ipykernel ipython
ipython_pygments_lexers isodate isympy iterative_telemetry jedi jinja2 jmespath joblib jsonschema
jsonschema_rs jsonschema_specifications jupyter jupyter_client jupyter_core jwt kiwisolver knack
kombu lazy_importer librt lightgbm locket mako markdown_it markdown_it_py markupsafe matplotlib
matplotlib_inline mdurl mermaidx ml_dtypes mlflow mlflow_skinny mpl_toolkits mpmath msal
msal_extensions msgpack multidict mypy mypy_extensions mypyc nacl narwhals nbclient nbformat
nest_asyncio2 networkx nh3 novasvg numpy nvidia nvidia_cublas nvidia_cuda_cccl nvidia_cuda_cupti
nvidia_cuda_nvrtc nvidia_cuda_runtime nvidia_cudnn_cu13 nvidia_cufft nvidia_cufile nvidia_cusolver
nvidia_cusparse nvidia_cusparselt_cu13 nvidia_nccl_cu13 nvidia_nvjitlink nvidia_nvshmem_cu13
nvidia_nvtx oauthlib omegaconf onnx onnxruntime opentelemetry opentelemetry_api opentelemetry_proto
opentelemetry_sdk opentelemetry_semantic_conventions optuna orjson packaging pandas pandera parso
partd pathspec pexpect pil pillow pip pkg_resources platformdirs playwright pluggy polars
prettytable prometheus_client prompt_toolkit propcache proto proto_plus protobuf psutil psycopg
psycopg_binary ptyprocess public pure_eval py pyarrow pyasn1 pyasn1_modules pycparser pydantic
pydantic_core pydantic_settings pydevd pydevd_plugins pydot pygit2 pygithub pygments pygtrie pyjwt
pylab pynacl pyparsing pyrate_limiter pytest pytest_cov pytest_xdist python_calamine python_dateutil
python_dotenv python_rapidjson pywin32 pyyaml pyzmq quickjs quickjs_ng rapidjson referencing
requests requests_oauthlib rich rpds rpds_py ruamel ruamel_yaml ruff s3fs schemathesis scikit_learn
scipy scmrepo semver setuptools shellingham shortuuid shtab six skl2onnx sklearn skops skrub smmap
sortedcontainers sqlalchemy sqlparse sqltrie sshfs stack_data starlette sympy tabulate tblib
tensorboardx termaid threadpoolctl tomlkit toolz torch torchgen tornado tqdm traitlets triton
tritonclient tritonclientutils tritongrpcclient tritonhttpclient tritonshmutils truststore typeguard
typer typing_extensions typing_inspect typing_inspection tzdata tzlocal urllib3 uv uvicorn uvloop
validate vine vl_convert vl_convert_python voluptuous watchfiles wcwidth websockets werkzeug wheel
wrapt xdist xgboost yaml yarl zc zc_lockfile zict zipp zizmor zmq zope zope_event zope_interface
""".split()
)


def text_complaint(question, value):
    """Return what is wrong with a free text, or None."""
    if not value.strip():
        return f"{question} is empty: give it at least one letter"
    if value != value.strip():
        return f"{question} {value!r} starts or ends with a space: remove it"
    if len(value) > (limit := TEXT_MAX[question]):
        return f"{question} {value!r} has {len(value)} characters: at most {limit} are allowed"
    for character in value:
        category = unicodedata.category(character)
        if category in FORBIDDEN_CATEGORIES or character in BIDIRECTIONAL:
            return (
                f"{question} {value!r} contains the invisible character {character!r}: "
                "allowed is what can be seen, on one line"
            )
        if character in FORBIDDEN:
            return (
                f"{question} {value!r} contains {character}: letters, digits, spaces, emoji "
                f"and all other signs are allowed, but none of {' '.join(FORBIDDEN)}"
            )
    return None


def slug_complaint(slug):
    """Return what is wrong with the slug or the package name made from it, or None."""
    package = slug.replace("-", "_")
    if len(slug) > SLUG_MAX:
        return f"project_slug {slug!r} has {len(slug)} characters: at most {SLUG_MAX} are allowed"
    if not SLUG.fullmatch(slug):
        return (
            f"project_slug {slug!r} is not usable: allowed are lower-case letters, digits and "
            "single hyphens between them, starting with a letter, such as flight-delays"
        )
    if keyword.iskeyword(package) or keyword.issoftkeyword(package) or slug in YAML_WORDS:
        return f"project_slug {slug!r} is a word of Python or YAML: try {slug}-model"
    if package in sys.stdlib_module_names:
        return f"project_slug {slug!r} would hide Python's own module {package}: try {slug}-model"
    if package in TAKEN | INSTALLED:
        return (
            f"project_slug {slug!r} is the name of something that the project itself uses: "
            f"try {slug}-model"
        )
    return None


def owner_complaint(owner):
    """Return what is wrong with the owner of the repository, or None."""
    if OWNER.fullmatch(owner):
        return None
    return (
        f"github_owner {owner!r} is not a name that GitHub allows: letters, digits and single "
        "hyphens between them, at most 39 characters"
    )


def complaint(answers):
    """Return the first thing wrong with the answers as one sentence, or None."""
    return (
        text_complaint("project_name", answers["project_name"])
        or slug_complaint(answers["project_slug"])
        or text_complaint("author_name", answers["author_name"])
        or owner_complaint(answers["github_owner"])
    )


def main():
    """Print the complaint, if any, and return the exit code."""
    sentence = complaint(json.loads(ANSWERS))
    if sentence:
        print(f"Nothing was generated. {sentence}.", file=sys.stderr)
    return 1 if sentence else 0


if __name__ == "__main__":
    sys.exit(main())
