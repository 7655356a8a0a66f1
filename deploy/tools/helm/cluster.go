package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/kube"
	"helm.sh/helm/v4/pkg/storage"
	"helm.sh/helm/v4/pkg/storage/driver"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/kubectl/pkg/validation"
)

// cluster is the API server as the user of a request sees it. All clients share its connections and what it discovered.
type cluster struct {
	config    *rest.Config
	discovery discovery.CachedDiscoveryInterface
	mapper    *restmapper.DeferredDiscoveryRESTMapper
	namespace string
	// client is Helm's own, once there is a configuration.
	client *kube.Client
}

func openCluster(request Request) (*cluster, error) {
	transport, err := transportTo(request.Kube)
	if err != nil {
		return nil, err
	}
	config := &rest.Config{
		Host:        request.Kube.Server,
		Transport:   transport,
		BearerToken: request.Kube.Token,
		// The API server fills in the groups of a ServiceAccount.
		Impersonate: rest.ImpersonationConfig{UserName: request.Kube.As},
		UserAgent:   "flotilla-helm",
		QPS:         -1,
	}
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	cached := memory.NewMemCacheClient(client)
	return &cluster{
		config:    config,
		discovery: cached,
		mapper:    restmapper.NewDeferredDiscoveryRESTMapper(cached),
		namespace: request.Release.Namespace,
	}, nil
}

// transportTo reaches the API server and nothing else, through no proxy.
func transportTo(to Kube) (http.RoundTripper, error) {
	server, err := url.Parse(to.Server)
	if err != nil || server.Scheme != "https" || server.Hostname() == "" {
		return nil, errors.New("the API server's address is not an https URL")
	}
	port := server.Port()
	if port == "" {
		port = "443"
	}
	security, err := securityOf(to)
	if err != nil {
		return nil, err
	}
	only := net.JoinHostPort(server.Hostname(), port)
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		TLSClientConfig:     security,
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 8,
		// A peer that died without a word is noticed within a watch.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address != only {
				return nil, fmt.Errorf("%s is not the API server, and nothing else is talked to", address)
			}
			return dialer.DialContext(ctx, network, address)
		},
	}, nil
}

func securityOf(to Kube) (*tls.Config, error) {
	security := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: to.ServerName, InsecureSkipVerify: to.Insecure}
	if to.CAData != "" {
		security.RootCAs = x509.NewCertPool()
		if !security.RootCAs.AppendCertsFromPEM([]byte(to.CAData)) {
			return nil, errors.New("the API server's certificate authority is not a PEM certificate")
		}
	}
	if to.CertData != "" {
		pair, err := tls.X509KeyPair([]byte(to.CertData), []byte(to.KeyData))
		if err != nil {
			return nil, errors.New("the client certificate and its key do not belong together")
		}
		security.Certificates = []tls.Certificate{pair}
	}
	return security, nil
}

// configuration is what Helm's actions need: a client, the storage in Secrets, a log.
func (c *cluster) configuration(storageNamespace string, log *voice) (*action.Configuration, *record, error) {
	set, err := kubernetes.NewForConfig(c.config)
	if err != nil {
		return nil, nil, err
	}
	secrets := driver.NewSecrets(set.CoreV1().Secrets(storageNamespace))
	secrets.SetLogger(log)
	client := kube.New(c)
	client.Factory = factory{client.Factory}
	client.Namespace = c.namespace
	client.SetLogger(log)
	c.client = client
	configuration := action.NewConfiguration(action.ConfigurationSetLogger(log))
	configuration.RESTClientGetter = c
	configuration.KubeClient = client
	kept := &record{Driver: secrets}
	configuration.Releases = storage.Init(kept)
	configuration.Releases.SetLogger(log)
	return configuration, kept, nil
}

// factory leaves out kubectl's question whether the API server checks fields itself, which reads the OpenAPI document of
// every group for an answer that has been yes since Kubernetes 1.25. With that answer kubectl's validator checks nothing
// else. It was half of an action's time.
type factory struct {
	kube.Factory
}

func (factory) Validator(string) (validation.Schema, error) {
	return validation.NullSchema{}, nil
}

// forget makes Helm discover anew, after CustomResourceDefinitions changed.
func (c *cluster) forget() {
	c.mapper.Reset()
}

func (c *cluster) ToRESTConfig() (*rest.Config, error) {
	return rest.CopyConfig(c.config), nil
}

func (c *cluster) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	return c.discovery, nil
}

func (c *cluster) ToRESTMapper() (meta.RESTMapper, error) {
	return c.mapper, nil
}

func (c *cluster) ToRawKubeConfigLoader() clientcmd.ClientConfig {
	overrides := &clientcmd.ConfigOverrides{Context: api.Context{Namespace: c.namespace}}
	return clientcmd.NewDefaultClientConfig(*api.NewConfig(), overrides)
}
