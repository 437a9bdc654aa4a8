// Package main is Ory Kratos v1.3.1 as it is, built from the Go module registry for the tests.
package main

import (
	"os"

	"github.com/ory/kratos/cmd"
)

func main() {
	os.Exit(cmd.Execute())
}
