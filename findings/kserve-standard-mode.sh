#!/usr/bin/env bash
# KServe 0.20.0 in the Standard mode: a canary without traffic, an autoscaler that stays, an agent.
#
# spec.canary has a trafficPercent. The status reports it, and every HTTPRoute names the stable
# Service alone. When the canary is removed, its Deployment and Service go, and its
# HorizontalPodAutoscaler, which has no owner, stays. When the predictor gets another name, as
# KServe's documentation of the field promotes a canary, the old Deployment is deleted in the same
# step, before a pod of the new name is ready. A model without storageUri is taken for a server of
# many models, so that each pod gets KServe's agent; the format "huggingface" is not.
#
# Seen with github.com/kserve/kserve v0.20.0; kserve#5912, merged later, adds weights to the routes.
# Runs KServe's own reconcilers on a client in memory, without a cluster. Needs Go 1.25.8; the build
# takes some ten minutes of CPU and 2 GB of Go's cache.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
module=$(go mod download -json github.com/kserve/kserve@v0.20.0 | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
cp -r --no-preserve=mode "$module" source
mkdir source/cmd/shown
cat >source/cmd/shown/main.go <<'END'
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubefake "k8s.io/client-go/kubernetes/fake"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	gateway "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kserve/kserve/pkg/apis/serving/v1alpha1"
	"github.com/kserve/kserve/pkg/apis/serving/v1beta1"
	"github.com/kserve/kserve/pkg/constants"
	"github.com/kserve/kserve/pkg/controller/v1beta1/inferenceservice/components"
	"github.com/kserve/kserve/pkg/controller/v1beta1/inferenceservice/reconcilers/ingress"
	kservescheme "github.com/kserve/kserve/pkg/scheme"
)

var ctx = context.Background()

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func expect(what string, found, wanted any) {
	if fmt.Sprint(found) != fmt.Sprint(wanted) {
		fmt.Printf("%s: %v, where %v was seen with v0.20.0\n", what, found, wanted)
		os.Exit(1)
	}
	fmt.Printf("%s: %v\n", what, found)
}

func model(image string) *v1beta1.ModelSpec {
	name := "own"
	made := &v1beta1.ModelSpec{ModelFormat: v1beta1.ModelFormat{Name: "own"}, Runtime: &name}
	made.Container = corev1.Container{Name: "kserve-container", Image: image}
	return made
}

func service() *v1beta1.InferenceService {
	two := int32(2)
	made := &v1beta1.InferenceService{ObjectMeta: metav1.ObjectMeta{
		Name: "flights", Namespace: "default", UID: "1",
		Annotations: map[string]string{constants.DeploymentMode: "Standard"},
	}}
	made.Spec.Predictor.MinReplicas = &two
	made.Spec.Predictor.Model = model("example.com/flights:1")
	canary := v1beta1.CanarySpec{TrafficPercent: 50}
	canary.Predictor.Name = "next"
	canary.Predictor.Model = model("example.com/flights:2")
	made.Spec.Canary = []v1beta1.CanarySpec{canary}
	return made
}

func names[T any](items []T, name func(*T) string) string {
	found := []string{}
	for i := range items {
		found = append(found, name(&items[i]))
	}
	return strings.Join(found, ", ")
}

func deployments(c client.Client) string {
	var list appsv1.DeploymentList
	must(c.List(ctx, &list))
	return names(list.Items, func(d *appsv1.Deployment) string { return d.Name })
}

func agents(c client.Client) string {
	var list appsv1.DeploymentList
	must(c.List(ctx, &list))
	return names(list.Items, func(d *appsv1.Deployment) string {
		return d.Spec.Template.Annotations[constants.AgentShouldInjectAnnotationKey]
	})
}

func autoscalers(c client.Client) string {
	var list autoscalingv2.HorizontalPodAutoscalerList
	must(c.List(ctx, &list))
	return names(list.Items, func(h *autoscalingv2.HorizontalPodAutoscaler) string {
		return fmt.Sprintf("%s (%d owners)", h.Name, len(h.OwnerReferences))
	})
}

func backends(c client.Client) map[string]bool {
	var list gateway.HTTPRouteList
	must(c.List(ctx, &list))
	found := map[string]bool{}
	for _, route := range list.Items {
		for _, rule := range route.Spec.Rules {
			for _, ref := range rule.BackendRefs {
				found[string(ref.Name)] = true
			}
		}
	}
	return found
}

func main() {
	scheme := runtime.NewScheme()
	must(clientscheme.AddToScheme(scheme))
	must(kservescheme.AddAll(scheme))
	settings := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: constants.InferenceServiceConfigMapName, Namespace: constants.KServeNamespace},
		Data: map[string]string{
			"deploy":             `{"defaultDeploymentMode": "Standard"}`,
			"ingress":            `{"enableGatewayApi": true, "kserveIngressGateway": "kserve/gateway", "ingressGateway": "a/b", "ingressDomain": "example.com", "domainTemplate": "{{ .Name }}-{{ .Namespace }}.{{ .IngressDomain }}", "urlScheme": "http"}`,
			"storageInitializer": `{"image": "none", "cpuRequest": "1", "cpuLimit": "1", "memoryRequest": "1Gi", "memoryLimit": "1Gi"}`,
			"credentials":        `{}`,
		},
	}
	own := &v1alpha1.ServingRuntime{ObjectMeta: metav1.ObjectMeta{Name: "own", Namespace: "default"}}
	own.Spec.SupportedModelFormats = []v1alpha1.SupportedModelFormat{{Name: "own"}}
	own.Spec.Containers = []corev1.Container{{Name: "kserve-container", Image: "example.com/flights:0"}}
	known := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "modelconfig-flights-0", Namespace: "default"}}
	isvc, config := service(), &v1beta1.InferenceServicesConfig{}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(own, isvc.DeepCopy()).Build()
	kube := kubefake.NewSimpleClientset(settings, known)
	routing, err := v1beta1.NewIngressConfig(settings)
	must(err)
	predictor := components.NewPredictor(c, kube, scheme, config, constants.Standard)
	reconcile := func() { _, err := predictor.Reconcile(ctx, isvc); must(err) }

	reconcile()
	expect("agents in pods", agents(c), "true, true")
	expect("deployments with a canary", deployments(c), "flights-next-predictor, flights-predictor")
	expect("its share in the status", isvc.Status.CanaryStatuses[0].TrafficPercent, 50)
	isvc.Status.SetCondition(v1beta1.PredictorReady, &apis.Condition{Type: v1beta1.PredictorReady, Status: corev1.ConditionTrue})
	_, err = ingress.NewRawHTTPRouteReconciler(c, scheme, routing, config).Reconcile(ctx, isvc)
	must(err)
	expect("backends of all routes", backends(c), map[string]bool{"flights-predictor": true})

	isvc.Spec.Canary = nil
	reconcile()
	expect("deployments after the canary", deployments(c), "flights-predictor")
	expect("autoscalers after the canary", autoscalers(c), "flights-next-predictor (0 owners), flights-predictor (1 owners)")

	isvc.Spec.Predictor.Name = "other"
	reconcile()
	expect("deployments after another name", deployments(c), "flights-other-predictor")

	own.Spec.SupportedModelFormats[0].Name = "huggingface"
	own.ResourceVersion = ""
	must(c.Delete(ctx, &v1alpha1.ServingRuntime{ObjectMeta: metav1.ObjectMeta{Name: "own", Namespace: "default"}}))
	must(c.Create(ctx, own))
	isvc.Spec.Predictor.Name, isvc.Spec.Predictor.Model.ModelFormat.Name = "third", "huggingface"
	reconcile()
	expect("agents in pods of huggingface", agents(c), "")
}
END
cd source
CGO_ENABLED=0 go run ./cmd/shown 2>"$folder/log" || { grep -m 1 "^panic" "$folder/log" || tail -5 "$folder/log"; exit 1; }
