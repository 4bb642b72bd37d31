using System.Text.Json;
using Cilium.Kubernetes.Policies;
using Cilium.Policy;

namespace Cilium.Kubernetes.Tests.Policies;

/// <summary>Policy objects as text, so that tests read like manifests.</summary>
internal static class Decoding
{
    private static readonly PolicyDecoder s_decoder = new(LabelFilter.Default);

    public static DecodedPolicy Cnp(string spec) => s_decoder.DecodeCiliumNetworkPolicy(Object($$"""
        {"metadata":{"name":"p","namespace":"n0","uid":"u"},"spec":{{spec}}}
        """));

    public static DecodedPolicy Ccnp(string spec) => s_decoder.DecodeCiliumClusterwideNetworkPolicy(Object($$"""
        {"metadata":{"name":"p"},"spec":{{spec}}}
        """));

    public static DecodedPolicy Knp(string spec, string annotations = "{}") => s_decoder.DecodeNetworkPolicy(Object($$"""
        {"metadata":{"name":"p","namespace":"n0","annotations":{{annotations}}},"spec":{{spec}}}
        """));

    public static PolicyRule Rule(this DecodedPolicy policy)
    {
        Assert.True(policy.IsValid, policy.Message);
        return Assert.Single(policy.Rules);
    }

    public static JsonElement Object(string text) => JsonDocument.Parse(text).RootElement;
}
