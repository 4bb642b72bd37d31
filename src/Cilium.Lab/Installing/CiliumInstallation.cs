using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Installing;

/// <summary>Puts into a cluster what the chart would: configuration, agents, operator, and the cluster's DNS.</summary>
internal sealed class CiliumInstallation(ClusterState state, SortedDictionary<string, string> configuration, int operatorReplicas)
{
    public const string Namespace = "kube-system";
    public const string Version = "v0.1.0";

    public void Install(string dnsAddress)
    {
        foreach (var account in (ReadOnlySpan<string>)["cilium", "cilium-operator", "coredns"])
            state.Ensure(BuiltInKinds.ServiceAccounts, Namespace, new JsonObject { ["metadata"] = new JsonObject { ["name"] = account } });
        var data = new JsonObject();
        foreach (var (key, value) in configuration) data[key] = value;
        state.Ensure(BuiltInKinds.ConfigMaps, Namespace, new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = "cilium-config", ["namespace"] = Namespace },
            ["data"] = data,
        });
        state.Ensure(BuiltInKinds.DaemonSets, Namespace, Agents());
        state.Ensure(BuiltInKinds.Deployments, Namespace, Operator());
        state.Ensure(BuiltInKinds.Services, Namespace, HubblePeer());
        state.Ensure(BuiltInKinds.Deployments, Namespace, Dns());
        state.Ensure(BuiltInKinds.Services, Namespace, DnsService(dnsAddress));
    }

    private JsonObject Agents()
    {
        var labels = new JsonObject { ["k8s-app"] = "cilium", ["app.kubernetes.io/name"] = "cilium-agent", ["app.kubernetes.io/part-of"] = "cilium" };
        var port = int.Parse(configuration["agent-health-port"], System.Globalization.CultureInfo.InvariantCulture);
        JsonObject HealthProbe(int failures, int period) => new()
        {
            ["httpGet"] = new JsonObject
            {
                ["host"] = "127.0.0.1",
                ["path"] = "/healthz",
                ["port"] = port,
                ["httpHeaders"] = new JsonArray(new JsonObject { ["name"] = "brief", ["value"] = "true" }),
            },
            ["periodSeconds"] = period,
            ["failureThreshold"] = failures,
            ["timeoutSeconds"] = 5,
        };
        return Workload("cilium", labels, "cilium", new JsonArray(new JsonObject
        {
            ["name"] = "cilium-agent",
            ["image"] = $"quay.io/cilium/cilium:{Version}",
            ["command"] = new JsonArray("cilium-agent"),
            ["args"] = new JsonArray("--config-dir=/tmp/cilium/config-map"),
            ["env"] = new JsonArray(
                Field("K8S_NODE_NAME", "spec.nodeName"), Field("CILIUM_K8S_NAMESPACE", "metadata.namespace")),
            ["startupProbe"] = HealthProbe(300, 1),
            ["readinessProbe"] = HealthProbe(3, 5),
        }), "kubernetes.io/os", "linux");
    }

    private JsonObject Operator()
    {
        var labels = new JsonObject { ["name"] = "cilium-operator", ["io.cilium/app"] = "operator", ["app.kubernetes.io/name"] = "cilium-operator", ["app.kubernetes.io/part-of"] = "cilium" };
        var deployment = Workload("cilium-operator", labels, "cilium-operator", new JsonArray(new JsonObject
        {
            ["name"] = "cilium-operator",
            ["image"] = $"quay.io/cilium/operator-generic:{Version}",
            ["command"] = new JsonArray("cilium-operator-generic"),
            ["args"] = new JsonArray("--config-dir=/tmp/cilium/config-map"),
            ["env"] = new JsonArray(
                Field("K8S_NODE_NAME", "spec.nodeName"), Field("CILIUM_K8S_NAMESPACE", "metadata.namespace")),
        }), "kubernetes.io/os", "linux");
        deployment.Ensure("spec")["replicas"] = operatorReplicas;
        return deployment;
    }

    private static JsonObject Workload(string name, JsonObject labels, string account, JsonArray containers, string selectorKey, string selectorValue) => new()
    {
        ["metadata"] = new JsonObject
        {
            ["name"] = name,
            ["namespace"] = Namespace,
            ["labels"] = labels.Copy(),
            ["annotations"] = new JsonObject { ["meta.helm.sh/release-name"] = "cilium", ["meta.helm.sh/release-namespace"] = Namespace },
        },
        ["spec"] = new JsonObject
        {
            ["selector"] = new JsonObject { ["matchLabels"] = Chosen(labels) },
            ["template"] = new JsonObject
            {
                ["metadata"] = new JsonObject { ["labels"] = labels.Copy() },
                ["spec"] = new JsonObject
                {
                    ["hostNetwork"] = true,
                    ["serviceAccountName"] = account,
                    ["priorityClassName"] = "system-node-critical",
                    ["terminationGracePeriodSeconds"] = 5,
                    ["nodeSelector"] = new JsonObject { [selectorKey] = selectorValue },
                    ["tolerations"] = new JsonArray(new JsonObject { ["operator"] = "Exists" }),
                    ["containers"] = containers,
                },
            },
        },
    };

    private static JsonObject Chosen(JsonObject labels) =>
        labels["k8s-app"] is { } app ? new JsonObject { ["k8s-app"] = app.DeepClone() } : new JsonObject
        {
            ["io.cilium/app"] = labels["io.cilium/app"]?.DeepClone(),
            ["name"] = labels["name"]?.DeepClone(),
        };

    private static JsonObject Field(string name, string path) => new()
    {
        ["name"] = name,
        ["valueFrom"] = new JsonObject { ["fieldRef"] = new JsonObject { ["apiVersion"] = "v1", ["fieldPath"] = path } },
    };

    private static JsonObject HubblePeer() => new()
    {
        ["metadata"] = new JsonObject { ["name"] = "hubble-peer", ["namespace"] = Namespace, ["labels"] = new JsonObject { ["k8s-app"] = "cilium" } },
        ["spec"] = new JsonObject
        {
            ["selector"] = new JsonObject { ["k8s-app"] = "cilium" },
            ["internalTrafficPolicy"] = "Local",
            ["ports"] = new JsonArray(new JsonObject { ["name"] = "peer-service", ["port"] = 80, ["targetPort"] = 4244, ["protocol"] = "TCP" }),
        },
    };

    private static JsonObject Dns() => new()
    {
        ["metadata"] = new JsonObject { ["name"] = "coredns", ["namespace"] = Namespace, ["labels"] = new JsonObject { ["k8s-app"] = "kube-dns" } },
        ["spec"] = new JsonObject
        {
            ["replicas"] = 2,
            ["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["k8s-app"] = "kube-dns" } },
            ["template"] = new JsonObject
            {
                ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["k8s-app"] = "kube-dns" } },
                ["spec"] = new JsonObject
                {
                    ["serviceAccountName"] = "coredns",
                    ["dnsPolicy"] = "Default",
                    ["terminationGracePeriodSeconds"] = 2,
                    ["tolerations"] = new JsonArray(new JsonObject { ["key"] = "node-role.kubernetes.io/control-plane", ["effect"] = "NoSchedule" }),
                    ["containers"] = new JsonArray(new JsonObject
                    {
                        ["name"] = "coredns",
                        ["image"] = "registry.k8s.io/coredns/coredns:v1.11.3",
                        ["ports"] = new JsonArray(
                            new JsonObject { ["name"] = "dns", ["containerPort"] = 53, ["protocol"] = "UDP" },
                            new JsonObject { ["name"] = "dns-tcp", ["containerPort"] = 53, ["protocol"] = "TCP" }),
                    }),
                },
            },
        },
    };

    private static JsonObject DnsService(string address) => new()
    {
        ["metadata"] = new JsonObject
        {
            ["name"] = "kube-dns",
            ["namespace"] = Namespace,
            ["labels"] = new JsonObject { ["k8s-app"] = "kube-dns", ["kubernetes.io/name"] = "CoreDNS" },
        },
        ["spec"] = new JsonObject
        {
            ["clusterIP"] = address,
            ["ipFamilyPolicy"] = "PreferDualStack",
            ["selector"] = new JsonObject { ["k8s-app"] = "kube-dns" },
            ["ports"] = new JsonArray(
                new JsonObject { ["name"] = "dns", ["port"] = 53, ["protocol"] = "UDP", ["targetPort"] = 53 },
                new JsonObject { ["name"] = "dns-tcp", ["port"] = 53, ["protocol"] = "TCP", ["targetPort"] = 53 }),
        },
    };
}
