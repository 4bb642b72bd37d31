using System.Text.Json.Nodes;
using Cilium.Core;

namespace Cilium.Kubernetes.Tests;

/// <summary>Rows of objects as the fake server stores them.</summary>
public static class TestRows
{
    public static CiliumIdentityRow Identity(JsonObject value) => new()
    {
        Id = new Identity(uint.Parse(value["metadata"]!["name"]!.ToString())),
        Labels = LabelSet.Create(value["security-labels"]!.AsObject().Select(pair => Label.Parse(pair.Key) with { Value = pair.Value!.ToString() })),
        Uid = value["metadata"]!["uid"]!.ToString(),
        CreatedAt = value["metadata"]!["creationTimestamp"]!.ToString(),
        Version = ulong.Parse(value["metadata"]!["resourceVersion"]!.ToString()),
        UnusedSince = value["metadata"]!["annotations"]?["io.cilium.heartbeat"]?.ToString() ?? "",
    };
}
