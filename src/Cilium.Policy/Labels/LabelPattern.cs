using System.Text;
using System.Text.RegularExpressions;
using Cilium.Core;

namespace Cilium.Policy;

/// <summary>
/// One expression of a label filter. Expressions that are a literal with <c>.*</c> before or behind it, as the built-in ones are, are
/// compared without a regular expression: making the engine for all of them takes longer than everything else at an agent's start.
/// </summary>
internal sealed class LabelPattern
{
    private const string Anything = ".*";

    private readonly string _source;
    private readonly Regex? _expression;
    private readonly string _literal = "";
    private readonly bool _anythingBefore;
    private readonly bool _anythingBehind;

    /// <summary>Reads <c>[source:][!]expression</c>.</summary>
    /// <exception cref="FormatException">There is no expression, or it is no regular expression; the entry is named.</exception>
    internal LabelPattern(string entry)
    {
        var colon = entry.IndexOf(':', StringComparison.Ordinal);
        _source = colon < 0 ? "" : entry[..colon];
        var expression = entry[(colon + 1)..];
        IsExclude = expression.StartsWith('!');
        expression = IsExclude ? expression[1..] : expression;
        if (expression.Length == 0)
        {
            throw new FormatException($"label filter '{entry}' has no expression");
        }

        var rest = expression.AsSpan();
        _anythingBefore = rest.StartsWith(Anything, StringComparison.Ordinal);
        rest = _anythingBefore ? rest[Anything.Length..] : rest;
        _anythingBehind = rest.EndsWith(Anything, StringComparison.Ordinal);
        rest = _anythingBehind ? rest[..^Anything.Length] : rest;
        if (LiteralOf(rest) is { } literal)
        {
            _literal = literal;
            return;
        }

        _expression = ToRegex(entry, expression);
    }

    /// <summary>Whether labels that match are left out.</summary>
    internal bool IsExclude { get; }

    /// <summary>Characters of the key that match, from its beginning; 0 when it does not match.</summary>
    internal int MatchLength(Label label)
    {
        if (_source.Length > 0 && _source != label.Source)
        {
            return 0;
        }

        var key = label.Key;
        if (_expression is not null)
        {
            var match = _expression.Match(key);
            return match.Success ? match.Length : 0;
        }

        // A dot stands for any character but a line feed.
        var line = key.IndexOf('\n', StringComparison.Ordinal) is var feed && feed >= 0 ? feed : key.Length;
        var at = 0;
        if (_anythingBefore)
        {
            // The longest match is the last place that "anything" reaches: the literal itself may hold no line feed.
            at = key.AsSpan(0, line).LastIndexOf(_literal, StringComparison.Ordinal);
        }
        else if (!key.StartsWith(_literal, StringComparison.Ordinal))
        {
            at = -1;
        }

        return at < 0 ? 0 : _anythingBehind ? line : at + _literal.Length;
    }

    /// <summary>The same as a regular expression, which the comparison above must agree with.</summary>
    internal static Regex ToRegex(string entry, string expression)
    {
        try
        {
            // User input: the engine without backtracking has linear cost on any expression.
            return new Regex($"^(?:{expression})", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new FormatException($"label filter '{entry}' is no regular expression: {e.Message}", e);
        }
    }

    private static string? LiteralOf(ReadOnlySpan<char> expression)
    {
        var literal = new StringBuilder(expression.Length);
        for (var i = 0; i < expression.Length; i++)
        {
            var character = expression[i];
            if (character == '\\' && i + 1 < expression.Length && expression[i + 1] is '.' or '-' or '/')
            {
                literal.Append(expression[++i]);
            }
            else if (char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '/')
            {
                literal.Append(character);
            }
            else
            {
                return null;
            }
        }

        return literal.ToString();
    }
}
