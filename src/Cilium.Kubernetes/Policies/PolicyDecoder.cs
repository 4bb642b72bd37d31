using System.Text.Json;
using Cilium.Core;
using Cilium.Policy;

namespace Cilium.Kubernetes.Policies;

/// <summary>Reads policy objects of the API server into rules.</summary>
/// <remarks>
/// Total: whatever the object, the answer is rules or errors that name fields. A field that is unknown, or asks for a feature that does not exist
/// yet, is an error, never ignored. Thread-safe.
/// </remarks>
public sealed class PolicyDecoder
{
    private readonly LabelFilter _filter;

    /// <summary>Makes a decoder.</summary>
    /// <param name="filter">Which labels identities have: selectors on others earn a warning.</param>
    public PolicyDecoder(LabelFilter filter) => _filter = filter;

    /// <summary>Reads a CiliumNetworkPolicy.</summary>
    public DecodedPolicy DecodeCiliumNetworkPolicy(JsonElement policy) =>
        Decode(policy, "CiliumNetworkPolicy", true, (root, origin, selectors) =>
            new CiliumRuleDecoder(selectors, origin, new SelectorScope(origin.Namespace)).DecodeObject(root));

    /// <summary>Reads a CiliumClusterwideNetworkPolicy.</summary>
    public DecodedPolicy DecodeCiliumClusterwideNetworkPolicy(JsonElement policy) =>
        Decode(policy, "CiliumClusterwideNetworkPolicy", false, (root, origin, selectors) =>
            new CiliumRuleDecoder(selectors, origin, new SelectorScope(null)).DecodeObject(root));

    /// <summary>Reads a NetworkPolicy of <c>networking.k8s.io/v1</c>.</summary>
    public DecodedPolicy DecodeNetworkPolicy(JsonElement policy) =>
        Decode(policy, "NetworkPolicy", true, (root, origin, selectors) => [new NetworkPolicyDecoder(selectors, origin).DecodeSpec(root)]);

    private DecodedPolicy Decode(
        JsonElement policy, string kind, bool isNamespaced, Func<JsonField, PolicyOrigin, SelectorDecoder, List<PolicyRule>> decode)
    {
        var errors = new List<PolicyIssue>();
        var warnings = new List<PolicyIssue>();
        var rules = new List<PolicyRule>();
        var origin = new PolicyOrigin(kind, "", "");
        try
        {
            var root = new JsonField(policy, "", errors);
            var metadata = root["metadata"];
            var policyNamespace = !isNamespaced ? "" : metadata["namespace"].IsPresent ? metadata["namespace"].Text() ?? "" : "default";
            origin = new PolicyOrigin(kind, policyNamespace, metadata["name"].RequiredText(), metadata["uid"].Text() ?? "");
            rules = decode(root, origin, new SelectorDecoder(_filter, warnings));
        }
        catch (InvalidOperationException e)
        {
            // The only thing that reading a parsed document throws for: escapes that are half a surrogate pair.
            errors.Add(new PolicyIssue("", $"the object holds a text that is no Unicode: {e.Message}"));
        }
        catch (ArgumentException e)
        {
            // A value that passed its check and is refused further in: one object must not end who reads all.
            errors.Add(new PolicyIssue("", $"the object cannot be read: {e.Message}"));
        }

        return new DecodedPolicy
        {
            Origin = origin,
            Rules = errors.Count == 0 ? rules.ToEquatableArray() : default,
            Errors = errors.ToEquatableArray(),
            Warnings = warnings.Distinct().ToEquatableArray(),
        };
    }
}
