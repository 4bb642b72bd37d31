using System.Text.Json;

namespace Cilium.Kubernetes.Policies;

/// <summary>A place in an object with its path, read without exceptions: what is wrong is noted in a list.</summary>
internal readonly record struct JsonField(JsonElement Element, string Path, List<PolicyIssue> Issues)
{
    /// <summary>True when the field is there and not null.</summary>
    public bool IsPresent => Element.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null);

    /// <summary>A member; absent when this is no object.</summary>
    public JsonField this[string name]
    {
        get
        {
            var path = Path.Length == 0 ? name : $"{Path}.{name}";
            return Element.ValueKind == JsonValueKind.Object && Element.TryGetProperty(name, out var member)
                ? new JsonField(member, path, Issues)
                : new JsonField(default, path, Issues);
        }
    }

    public void Fail(string message) => Issues.Add(new PolicyIssue(Path, message));

    public void FailUnsupported(string feature) => Issues.Add(new PolicyIssue(Path, $"not supported yet: {feature}", true));

    /// <summary>Notes anything but an object, and its members of other names.</summary>
    public bool IsObjectOf(params ReadOnlySpan<string> members)
    {
        if (Element.ValueKind != JsonValueKind.Object)
        {
            Fail("must be an object");
            return false;
        }

        foreach (var property in Element.EnumerateObject())
        {
            if (!members.Contains(property.Name))
            {
                this[property.Name].Fail("unknown field");
            }
        }

        return true;
    }

    /// <summary>The elements; none when absent; notes anything but a list.</summary>
    public IEnumerable<JsonField> Items()
    {
        if (!IsPresent)
        {
            yield break;
        }

        if (Element.ValueKind != JsonValueKind.Array)
        {
            Fail("must be a list");
            yield break;
        }

        var index = 0;
        foreach (var item in Element.EnumerateArray())
        {
            yield return new JsonField(item, $"{Path}[{index++}]", Issues);
        }
    }

    /// <summary>The members of a map; none when absent; notes anything but an object.</summary>
    public IEnumerable<(string Key, JsonField Value)> Members()
    {
        if (!IsPresent)
        {
            yield break;
        }

        if (Element.ValueKind != JsonValueKind.Object)
        {
            Fail("must be an object");
            yield break;
        }

        foreach (var property in Element.EnumerateObject())
        {
            yield return (property.Name, new JsonField(property.Value, $"{Path}.{property.Name}", Issues));
        }
    }

    /// <summary>The text; null when absent, and noted when it is anything else.</summary>
    public string? Text()
    {
        if (Element.ValueKind == JsonValueKind.String)
        {
            return Element.GetString();
        }

        if (IsPresent)
        {
            Fail("must be a text");
        }

        return null;
    }

    /// <summary>The text, which must be there.</summary>
    public string RequiredText()
    {
        if (!IsPresent)
        {
            Fail("is required");
        }

        return Text() ?? "";
    }

    /// <summary>The whole number; null when absent, and noted when it is anything else or out of bounds.</summary>
    public int? Number(int minimum, int maximum)
    {
        if (Element.ValueKind == JsonValueKind.Number && Element.TryGetInt32(out var number) && number >= minimum && number <= maximum)
        {
            return number;
        }

        if (IsPresent)
        {
            Fail($"must be a whole number from {minimum} to {maximum}");
        }

        return null;
    }

    /// <summary>The truth value; null when absent, and noted when it is anything else.</summary>
    public bool? Flag()
    {
        if (Element.ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            return Element.GetBoolean();
        }

        if (IsPresent)
        {
            Fail("must be true or false");
        }

        return null;
    }

    /// <summary>True for a list or object with at least one member: what upstream takes for present.</summary>
    public bool IsNonEmpty => Element.ValueKind switch
    {
        JsonValueKind.Array => Element.GetArrayLength() > 0,
        JsonValueKind.Object => Element.EnumerateObject().Any(),
        _ => IsPresent,
    };
}
