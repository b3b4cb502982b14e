module tools/kwok

go 1.26

tool sigs.k8s.io/kwok/cmd/kwok

// The k8s.io modules are those of kube-apiserver, so that Go compiles them once for all parts of the small EKS.
require (
	k8s.io/api v0.34.4 // indirect
	k8s.io/apimachinery v0.34.4 // indirect
	k8s.io/apiserver v0.34.4 // indirect
	k8s.io/client-go v0.34.4 // indirect
	k8s.io/component-base v0.34.4 // indirect
	sigs.k8s.io/kwok v0.7.0 // indirect
)
