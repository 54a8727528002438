// Holds Knative Services, one JSON document a line on stdin, against Knative's own admission: misspelt
// fields, what its defaults make of them, and what it would refuse or warn of. Prints a line for each
// objection and exits with 1 if there is any.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"

	"knative.dev/pkg/apis"
	serving "knative.dev/serving/pkg/apis/serving/v1"
	"sigs.k8s.io/yaml"
)

const longestDocument = 1 << 20

func main() {
	objections := 0
	documents := bufio.NewScanner(os.Stdin)
	documents.Buffer(nil, longestDocument)
	for documents.Scan() {
		if err := check(documents.Bytes()); err != nil {
			objections++
			fmt.Println(err)
		}
	}
	if err := documents.Err(); err != nil {
		fmt.Println(err)
		objections++
	}
	if objections > 0 {
		os.Exit(1)
	}
}

func check(document []byte) error {
	var service serving.Service
	if err := yaml.UnmarshalStrict(document, &service); err != nil {
		return err
	}
	ctx := apis.WithinCreate(context.Background())
	service.SetDefaults(ctx)
	// Warnings are among the objections. A typed nil would not be a nil error.
	if found := service.Validate(ctx); found != nil {
		return fmt.Errorf("%s: %w", service.Name, found)
	}
	return nil
}
