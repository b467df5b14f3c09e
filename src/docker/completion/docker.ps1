# Completion of docker's command lines in PowerShell. docker itself says what may come next: it is called as `docker __complete WORDS…` and
# prints a name a line, with what it is behind a tab, and last a colon with a number whose bits say how to go on.

Register-ArgumentCompleter -Native -CommandName 'docker' -ScriptBlock {
    param($typed, $line, $position)
    $elements = $line.CommandElements | Where-Object { $_.Extent.StartOffset -lt $position } | ForEach-Object { "$_" }
    $program, $words = @($elements)
    $words = @($words | Where-Object { $null -ne $_ })
    if ($typed -eq '') { $words += '' }
    # An empty word would be lost on the way to a program in older versions.
    $words = @($words | ForEach-Object { if ($_ -eq '' -and $PSVersionTable.PSVersion -lt [version]'7.3') { '""' } else { $_ } })
    $said = @(& $program '@ASK@' @words 2>$null)
    if ($said.Count -eq 0 -or $said[-1] -notmatch '^:(\d+)$') { return }
    $bits = [int]$Matches[1]
    if ($bits -band 1) { return }
    $start = ''
    if ($typed -match '^(-[^=]*=)') { $start = $Matches[1] }
    $said | Select-Object -SkipLast 1 | ForEach-Object {
        $name, $about = $_ -split "`t", 2
        $whole = "$start$name"
        if ($whole -notlike "$typed*") { return }
        if (-not $about) { $about = $name }
        $end = if ($bits -band 2) { '' } else { ' ' }
        [System.Management.Automation.CompletionResult]::new("$whole$end", $name, 'ParameterValue', $about)
    }
}
