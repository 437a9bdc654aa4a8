// Command grpc_client calls Check with grpc-go from many goroutines. Each call sends its own bytes, which the
// server must return; every fourth call is cancelled while it runs. It prints the number of calls of each outcome.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

type rawCodec struct{}

func (rawCodec) Name() string                  { return "proto" }
func (rawCodec) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (rawCodec) Unmarshal(b []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), b...)
	return nil
}

func main() {
	target := flag.String("target", "", "host:port")
	path := flag.String("path", "", "/package.Service/Method")
	calls := flag.Int("calls", 1000, "calls of each goroutine")
	workers := flag.Int("workers", 32, "goroutines")
	maxBytes := flag.Int("max-bytes", 100000, "longest message")
	ca := flag.String("ca", "", "PEM file of the authority; TLS where it is set")
	cert := flag.String("cert", "", "PEM file of a client certificate")
	key := flag.String("key", "", "PEM file of its key")
	flag.Parse()
	encoding.RegisterCodec(rawCodec{})
	conn, err := grpc.NewClient(*target,
		grpc.WithTransportCredentials(transport(*ca, *cert, *key)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, PermitWithoutStream: true}))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer conn.Close()
	outcomes := map[string]int{}
	var lock sync.Mutex
	var group sync.WaitGroup
	for w := 0; w < *workers; w++ {
		group.Add(1)
		go func(random *rand.Rand) {
			defer group.Done()
			for i := 0; i < *calls; i++ {
				outcome := call(conn, *path, random, *maxBytes, i%4 == 3)
				lock.Lock()
				outcomes[outcome]++
				lock.Unlock()
			}
		}(rand.New(rand.NewSource(int64(w))))
	}
	group.Wait()
	json.NewEncoder(os.Stdout).Encode(outcomes)
}

// transport returns plain text, TLS, or TLS with a client certificate. The name of the server is that of the tests.
func transport(ca, cert, key string) credentials.TransportCredentials {
	if ca == "" {
		return insecure.NewCredentials()
	}
	config := &tls.Config{ServerName: "credence.test", RootCAs: x509.NewCertPool()}
	authority, err := os.ReadFile(ca)
	if err == nil && !config.RootCAs.AppendCertsFromPEM(authority) {
		err = fmt.Errorf("%s has no certificate", ca)
	}
	if err == nil && cert != "" {
		config.Certificates = make([]tls.Certificate, 1)
		config.Certificates[0], err = tls.LoadX509KeyPair(cert, key)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return credentials.NewTLS(config)
}

// call returns "same" where the response is the request, "cancelled" for a call that was cancelled in time, and
// else the status or "different".
func call(conn *grpc.ClientConn, path string, random *rand.Rand, maxBytes int, cancelled bool) string {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	request := make([]byte, random.Intn(maxBytes))
	random.Read(request)
	if cancelled {
		time.AfterFunc(time.Duration(random.Intn(2000))*time.Microsecond, cancel)
	}
	var response []byte
	err := conn.Invoke(ctx, path, &request, &response)
	switch {
	case err == nil && bytes.Equal(request, response):
		return "same"
	case err == nil:
		return "different"
	case cancelled && ctx.Err() != nil:
		return "cancelled"
	default:
		return status.Convert(err).Code().String()
	}
}
