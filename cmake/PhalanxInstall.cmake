# Installation rules live beside the targets they install; this file adds the package configuration.
