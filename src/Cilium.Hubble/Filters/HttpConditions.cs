using System.Globalization;
using System.Text.RegularExpressions;

namespace Cilium.Hubble.Filters;

/// <summary>The conditions on layer 7 records: HTTP status, method, path, URL, headers, and DNS queries.</summary>
internal static class HttpConditions
{
    public static void Add(List<Func<Proto.Flow, bool>> conditions, Proto.FlowFilter filter)
    {
        FlowConditions.Add(conditions, filter.HttpStatusCode, Status);
        FlowConditions.Add(conditions, filter.HttpMethod, value => flow =>
            flow.L7?.Http is { } http && string.Equals(http.Method, value, StringComparison.OrdinalIgnoreCase));
        FlowConditions.Add(conditions, filter.HttpPath, value => Pattern("http_path", value, flow => PathOf(flow.L7?.Http?.Url)));
        FlowConditions.Add(conditions, filter.HttpUrl, value => Pattern("http_url", value, flow => flow.L7?.Http?.Url));
        FlowConditions.Add(conditions, filter.HttpHeader, value => flow =>
            flow.L7?.Http?.Headers.Any(header => header.Key == value.Key && header.Value == value.Value) == true);
        FlowConditions.Add(conditions, filter.DnsQuery, value => Pattern("dns_query", value, flow => flow.L7?.Dns?.Query));
    }

    private static Func<Proto.Flow, bool> Status(string value)
    {
        var isPrefix = value.EndsWith('+');
        var digits = isPrefix ? value[..^1] : value;
        if (digits.Length is 0 or > 3 || digits.AsSpan().ContainsAnyExceptInRange('0', '9') || (!isPrefix && digits.Length != 3))
        {
            throw new FlowFilterException("http_status_code", $"'{value}' is neither a status code nor a prefix such as 5+");
        }

        return flow => flow.L7?.Http is { Code: > 0 } http
            && http.Code.ToString(CultureInfo.InvariantCulture).StartsWith(digits, StringComparison.Ordinal);
    }

    private static Func<Proto.Flow, bool> Pattern(string field, string value, Func<Proto.Flow, string?> text)
    {
        Regex regex;
        try
        {
            // Linear in the input, like the expressions of upstream's servers: a client cannot make the agent backtrack.
            regex = new Regex(value, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception error) when (error is ArgumentException or NotSupportedException)
        {
            throw new FlowFilterException(field, $"'{value}' is no regular expression: {error.Message}");
        }

        return flow => text(flow) is { } found && regex.IsMatch(found);
    }

    private static string? PathOf(string? url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var parsed) ? parsed.AbsolutePath : url;
}
