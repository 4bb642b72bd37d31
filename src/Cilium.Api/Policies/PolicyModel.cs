namespace Cilium.Api;

/// <summary>What <c>GET /policy</c> answers: all rules of the agent.</summary>
public sealed record PolicyModel
{
    /// <summary>The rules as JSON text.</summary>
    public string? Policy { get; init; }

    /// <summary>Counts changes of the rules.</summary>
    public long Revision { get; init; }
}

/// <summary>One selector of the rules with what it matches.</summary>
public sealed record SelectorIdentityMapping
{
    /// <summary>The selector in words.</summary>
    public string? Selector { get; init; }

    /// <summary>The identities it matches.</summary>
    public IReadOnlyList<long>? Identities { get; init; }

    /// <summary>How many rules use it.</summary>
    public int Users { get; init; }

    /// <summary>Labels of the rules that use it.</summary>
    public IReadOnlyList<string>? Labels { get; init; }
}
