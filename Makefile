# 'make demo' and 'make test' do everything that a fresh Debian machine with Swift needs.

PROMPT ?= The best way to learn a language is

.PHONY: demo test build setup model format lint clean

demo: build model
	.build/release/speculate "$(PROMPT)" --max-tokens 128 --color

test: setup model
	swift test

build: setup
	swift build -c release --product speculate

setup:
	@./setup.sh

model: setup
	@Models/fetch.sh

format:
	swift format --in-place --recursive --parallel Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources

lint:
	swift format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources

clean:
	rm -rf .build Benchmarks/.build
