// Package unused stands for modules that Kubernetes names but that nothing here imports.
package unused
