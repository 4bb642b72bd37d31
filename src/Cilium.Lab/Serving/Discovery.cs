using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Serving;

/// <summary>Tells clients which groups, versions and resources exist, in both the old and the aggregated form.</summary>
internal sealed class Discovery(ResourceCatalog catalog)
{
    private static readonly string[] Verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

    private static readonly (string Plural, string Kind, string Subresource, string Verb)[] Connections =
    [
        ("pods", "PodExecOptions", "exec", "create"), ("pods", "PodAttachOptions", "attach", "create"),
        ("pods", "PodPortForwardOptions", "portforward", "create"), ("pods", "Pod", "log", "get"),
        ("pods", "Binding", "binding", "create"), ("pods", "Eviction", "eviction", "create"),
    ];

    private static readonly (string Group, string Plural, string Kind)[] Reviews =
    [
        ("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
        ("authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
        ("authorization.k8s.io", "subjectaccessreviews", "SubjectAccessReview"),
        ("authentication.k8s.io", "tokenreviews", "TokenReview"),
        ("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview"),
    ];

    public static JsonObject Versions() => new()
    {
        ["kind"] = "APIVersions",
        ["versions"] = new JsonArray("v1"),
        ["serverAddressByClientCIDRs"] = new JsonArray(),
    };

    public JsonObject Groups() => new()
    {
        ["kind"] = "APIGroupList",
        ["apiVersion"] = "v1",
        ["groups"] = GroupVersions().Where(entry => entry.Group.Length > 0).Select(entry => (JsonNode?)Describe(entry.Group, entry.Versions)).ToJsonArray(),
    };

    public JsonObject? Group(string group)
    {
        var versions = GroupVersions().FirstOrDefault(entry => entry.Group == group).Versions;
        if (versions is null) return null;
        var described = Describe(group, versions);
        described["kind"] = "APIGroup";
        described["apiVersion"] = "v1";
        return described;
    }

    public JsonObject? Resources(string group, string version)
    {
        var resources = new JsonArray();
        foreach (var kind in InVersion(group, version))
        {
            resources.Add((JsonNode)Resource(kind.Id.Plural, kind.Singular, kind.Namespaced, kind.Kind, Verbs, kind));
            foreach (var (name, subKind, verbs) in Subresources(kind))
                resources.Add((JsonNode)Resource($"{kind.Id.Plural}/{name}", "", kind.Namespaced, subKind, verbs));
        }

        foreach (var (reviewGroup, plural, kind) in Reviews)
        {
            if (reviewGroup == group && version == "v1") resources.Add((JsonNode)Resource(plural, kind.ToLowerInvariant(), false, kind, ["create"]));
        }

        if (resources.Count == 0) return null;
        return new JsonObject
        {
            ["kind"] = "APIResourceList",
            ["apiVersion"] = "v1",
            ["groupVersion"] = group.Length == 0 ? version : $"{group}/{version}",
            ["resources"] = resources,
        };
    }

    /// <summary>All groups in one document: <paramref name="core"/> for <c>/api</c>, the named ones for <c>/apis</c>.</summary>
    public JsonObject Aggregated(bool core)
    {
        var items = new JsonArray();
        foreach (var (group, versions) in GroupVersions())
        {
            if (group.Length == 0 != core) continue;
            var list = new JsonArray();
            foreach (var version in versions)
            {
                list.Add((JsonNode)new JsonObject
                {
                    ["version"] = version,
                    ["resources"] = AggregatedResources(group, version),
                    ["freshness"] = "Current",
                });
            }

            items.Add((JsonNode)new JsonObject { ["metadata"] = new JsonObject { ["name"] = group, ["creationTimestamp"] = null }, ["versions"] = list });
        }

        return new JsonObject
        {
            ["kind"] = "APIGroupDiscoveryList",
            ["apiVersion"] = "apidiscovery.k8s.io/v2",
            ["metadata"] = new JsonObject(),
            ["items"] = items,
        };
    }

    public IEnumerable<(string Group, List<string> Versions)> GroupVersions() =>
        catalog.Kinds.SelectMany(kind => kind.Versions.Select(version => (kind.Id.Group, version.Name)))
            .Concat(Reviews.Select(review => (review.Group, Name: "v1")))
            .Distinct()
            .GroupBy(entry => entry.Item1)
            .OrderBy(entry => entry.Key, StringComparer.Ordinal)
            .Select(entry => (entry.Key, entry.Select(pair => pair.Item2).OrderBy(Rank).ThenByDescending(name => name, StringComparer.Ordinal).ToList()));

    private JsonArray AggregatedResources(string group, string version)
    {
        var resources = new JsonArray();
        foreach (var kind in InVersion(group, version))
        {
            resources.Add((JsonNode)new JsonObject
            {
                ["resource"] = kind.Id.Plural,
                ["responseKind"] = ResponseKind(group, version, kind.Kind),
                ["scope"] = kind.Namespaced ? "Namespaced" : "Cluster",
                ["singularResource"] = kind.Singular,
                ["verbs"] = Verbs.ToJsonTexts(),
                ["shortNames"] = kind.ShortNames.ToJsonTexts(),
                ["categories"] = kind.Categories.ToJsonTexts(),
                ["subresources"] = Subresources(kind).Select(sub => (JsonNode?)new JsonObject
                {
                    ["subresource"] = sub.Name,
                    ["responseKind"] = ResponseKind(group, version, sub.Kind),
                    ["verbs"] = sub.Verbs.ToJsonTexts(),
                }).ToJsonArray(),
            });
        }

        foreach (var (reviewGroup, plural, kind) in Reviews)
        {
            if (reviewGroup != group || version != "v1") continue;
            resources.Add((JsonNode)new JsonObject
            {
                ["resource"] = plural,
                ["responseKind"] = ResponseKind(group, version, kind),
                ["scope"] = "Cluster",
                ["singularResource"] = kind.ToLowerInvariant(),
                ["verbs"] = new JsonArray("create"),
            });
        }

        return resources;
    }

    private IEnumerable<ResourceKind> InVersion(string group, string version) =>
        catalog.Kinds.Where(kind => kind.Id.Group == group && kind.Version(version) is not null).OrderBy(kind => kind.Id.Plural, StringComparer.Ordinal);

    private static IEnumerable<(string Name, string Kind, string[] Verbs)> Subresources(ResourceKind kind)
    {
        if (kind.HasStatus) yield return ("status", kind.Kind, ["get", "patch", "update"]);
        if (kind.HasScale) yield return ("scale", "Scale", ["get", "patch", "update"]);
        if (kind.Id.Group.Length > 0) yield break;
        foreach (var (plural, subKind, name, verb) in Connections)
        {
            if (plural == kind.Id.Plural) yield return (name, subKind, verb == "get" ? ["get"] : name is "binding" or "eviction" ? ["create"] : ["create", "get"]);
        }
    }

    private static JsonObject ResponseKind(string group, string version, string kind) =>
        new() { ["group"] = kind == "Scale" ? "autoscaling" : group, ["version"] = kind == "Scale" ? "v1" : version, ["kind"] = kind };

    private static JsonObject Resource(string name, string singular, bool namespaced, string kind, string[] verbs, ResourceKind? whole = null)
    {
        var resource = new JsonObject
        {
            ["name"] = name,
            ["singularName"] = singular,
            ["namespaced"] = namespaced,
            ["kind"] = kind,
            ["verbs"] = verbs.ToJsonTexts(),
        };
        if (kind == "Scale")
        {
            resource["group"] = "autoscaling";
            resource["version"] = "v1";
        }

        if (whole is { ShortNames.Count: > 0 }) resource["shortNames"] = whole.ShortNames.ToJsonTexts();
        if (whole is { Categories.Count: > 0 }) resource["categories"] = whole.Categories.ToJsonTexts();
        return resource;
    }

    private static JsonObject Describe(string group, List<string> versions)
    {
        JsonObject Version(string version) => new() { ["groupVersion"] = $"{group}/{version}", ["version"] = version };
        return new JsonObject
        {
            ["name"] = group,
            ["versions"] = versions.Select(version => (JsonNode?)Version(version)).ToJsonArray(),
            ["preferredVersion"] = Version(versions[0]),
        };
    }

    /// <summary>Stable versions first, then beta, then alpha.</summary>
    private static int Rank(string version) =>
        version.Contains("alpha", StringComparison.Ordinal) ? 2 : version.Contains("beta", StringComparison.Ordinal) ? 1 : 0;
}
