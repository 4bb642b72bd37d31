using System.Text.Json;
using System.Text.Json.Nodes;
using Cilium.Kubernetes.Crds;
using static Cilium.Kubernetes.Crds.Schema;

namespace Cilium.Kubernetes;

/// <summary>The custom resource definitions of the kinds that this program serves.</summary>
public static class CustomResourceDefinitions
{
    /// <summary>The label that carries the version of a definition's schema.</summary>
    public const string VersionLabel = "io.cilium.k8s.crd.schema.version";

    /// <summary>The version of the schemas: definitions with a higher one are left alone.</summary>
    public static Version SchemaVersion { get; } = new(1, 30, 2);

    /// <summary>The kinds, in the order of their registration.</summary>
    public static IReadOnlyList<Resource> Kinds => [.. All.Select(definition => definition.Resource)];

    internal static IReadOnlyList<CrdDefinition> All { get; } =
    [
        new(
            Resource.CiliumNodes,
            ["cn", "ciliumn"],
            ["cilium"],
            true,
            [
                new("CiliumInternalIP", "string", ".spec.addresses[?(@.type==\"CiliumInternalIP\")].ip", "Cilium internal IP of this node"),
                new("InternalIP", "string", ".spec.addresses[?(@.type==\"InternalIP\")].ip", "IP of the node"),
                CrdColumn.Age,
            ],
            Whole(("spec", EndpointSchemas.NodeSpec()), ("status", EndpointSchemas.NodeStatus())).Required("metadata", "spec")),
        new(
            Resource.CiliumIdentities,
            ["ciliumid"],
            ["cilium"],
            true,
            [
                new("Namespace", "string", ".metadata.labels.io\\.kubernetes\\.pod\\.namespace", "The namespace of the entity"),
                CrdColumn.Age,
            ],
            Whole(("security-labels", Map(Text())), ("status", Object(("nodes", Map(new JsonObject { ["type"] = "string", ["format"] = "date-time" })))))
                .Required("metadata", "security-labels")),
        new(
            Resource.CiliumEndpoints,
            ["cep", "ciliumep"],
            ["cilium"],
            false,
            [
                new("Security Identity", "integer", ".status.identity.id", "Security Identity"),
                new("Ingress Enforcement", "string", ".status.policy.ingress.state", "Ingress enforcement in the endpoint", true),
                new("Egress Enforcement", "string", ".status.policy.egress.state", "Egress enforcement in the endpoint", true),
                new("Endpoint State", "string", ".status.state", "Endpoint current state"),
                new("IPv4", "string", ".status.networking.addressing[0].ipv4", "Endpoint IPv4 address"),
                new("IPv6", "string", ".status.networking.addressing[0].ipv6", "Endpoint IPv6 address"),
            ],
            Whole(("status", EndpointSchemas.EndpointStatus())).Required("metadata")),
        new(Resource.CiliumNetworkPolicies, ["cnp", "ciliumnp"], ["cilium", "ciliumpolicy"], true, PolicyColumns, Policy()),
        new(Resource.CiliumClusterwideNetworkPolicies, ["ccnp"], ["cilium", "ciliumpolicy"], true, PolicyColumns, Policy()),
        new(
            Resource.CiliumPodIPPools,
            ["cpip"],
            ["cilium"],
            false,
            [],
            Whole(("spec", PoolSchemas.PodIPPoolSpec())).Required("metadata", "spec")),
        new(
            Resource.CiliumLoadBalancerIPPools,
            ["ippools", "ippool", "lbippool", "lbippools"],
            ["cilium"],
            true,
            [
                new("Disabled", "boolean", ".spec.disabled", "Whether the pool gives no more addresses"),
                new("Conflicting", "string", ".status.conditions[?(@.type==\"cilium.io/PoolConflict\")].status", "Whether the pool overlaps another one"),
                new("IPs Available", "string", ".status.conditions[?(@.type==\"cilium.io/IPsAvailable\")].message", "Addresses left"),
                CrdColumn.Age,
            ],
            Whole(("spec", PoolSchemas.LoadBalancerIPPoolSpec()), ("status", PoolSchemas.LoadBalancerIPPoolStatus())).Required("metadata", "spec"))
        {
            AlsoServed = ["v2alpha1"],
        },
    ];

    private static IReadOnlyList<CrdColumn> PolicyColumns =>
        [CrdColumn.Age, new("Valid", "string", ".status.conditions[?(@.type=='Valid')].status", "Whether the policy is valid")];

    /// <summary>All definitions as one manifest that <c>kubectl apply</c> takes: JSON documents, one per line.</summary>
    public static string ToManifest()
    {
        using var stream = new MemoryStream();
        foreach (var definition in All)
        {
            using var writer = new Utf8JsonWriter(stream);
            definition.Manifest().WriteTo(writer);
            writer.Flush();
            stream.WriteByte((byte)'\n');
        }

        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }

    private static JsonObject Whole(params IReadOnlyList<(string, JsonObject)> members) => Object(
        [("apiVersion", Text()), ("kind", Text()), ("metadata", new JsonObject { ["type"] = "object" }), .. members]);

    private static JsonObject Policy()
    {
        var schema = Whole(
            ("spec", RuleSchema.Rule()),
            ("specs", List(RuleSchema.Rule())),
            ("status", Object(
                ("conditions", Conditions()),
                ("derivativePolicies", Map(Object(
                    ("ok", Switch()),
                    ("error", Text()),
                    ("lastUpdated", new JsonObject { ["type"] = "string", ["format"] = "date-time" }),
                    ("localPolicyRevision", Number(format: "int64")),
                    ("enforcing", Switch()),
                    ("annotations", Map(Text()))))))));
        schema.Required("metadata");
        schema["anyOf"] = new JsonArray(
            new JsonObject { ["required"] = new JsonArray("spec") }, new JsonObject { ["required"] = new JsonArray("specs") });
        return schema;
    }
}
