// Command noop_server allows every Check with grpc-go and go-control-plane: what a Go authorizer costs that does nothing.
package main

import (
	"context"
	"flag"
	"log"
	"net"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	rpc "google.golang.org/genproto/googleapis/rpc/status"
)

type server struct {
	auth.UnimplementedAuthorizationServer
}

var response = &auth.CheckResponse{
	Status: &rpc.Status{},
	HttpResponse: &auth.CheckResponse_OkResponse{OkResponse: &auth.OkHttpResponse{
		Headers: []*core.HeaderValueOption{{
			Header: &core.HeaderValue{Key: "x-user-id", Value: "guest"},
			Append: wrapperspb.Bool(false),
		}},
	}},
}

func (server) Check(context.Context, *auth.CheckRequest) (*auth.CheckResponse, error) {
	return response, nil
}

func main() {
	listen := flag.String("listen", "", "host:port")
	flag.Parse()
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	s := grpc.NewServer()
	auth.RegisterAuthorizationServer(s, server{})
	log.Fatal(s.Serve(listener))
}
